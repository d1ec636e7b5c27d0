//! Writes elements: what is opened is closed, and whatever is not ours is escaped.
//!
//! Given names, attributes and texts in order; gives back markup that is HTML and XML alike.

/// Markup under way.
#[derive(Debug, Default)]
pub struct Svg {
    out: String,
    open: Vec<&'static str>,
    /// Whether the start tag of the last element still waits for its end.
    in_tag: bool,
}

impl Svg {
    /// Begins an element.
    pub fn open(&mut self, element: &'static str) -> &mut Self {
        self.end_tag();
        self.out.push('<');
        self.out.push_str(element);
        self.open.push(element);
        self.in_tag = true;
        self
    }

    /// Gives the element just begun an attribute.
    pub fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        debug_assert!(self.in_tag, "{name} has no element");
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape(&mut self.out, value);
        self.out.push('"');
        self
    }

    /// An attribute that is a length in tenths of a pixel.
    pub fn tenths(&mut self, name: &str, tenths: i64) -> &mut Self {
        self.attribute(name, &fixed(tenths, 10))
    }

    /// An attribute that is a part of the width, in ten-thousandths.
    pub fn percent(&mut self, name: &str, parts: i64) -> &mut Self {
        self.attribute(name, &format!("{}%", fixed(parts, 100)))
    }

    /// Text of the innermost element.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.end_tag();
        escape(&mut self.out, text);
        self
    }

    /// Ends the innermost element.
    pub fn close(&mut self) -> &mut Self {
        let Some(element) = self.open.pop() else { return self };
        if std::mem::take(&mut self.in_tag) && !matches!(element, "span" | "figure" | "figcaption") {
            self.out.push_str("/>");
        } else {
            self.end_tag();
            self.out.push_str("</");
            self.out.push_str(element);
            self.out.push('>');
        }
        self
    }

    /// All of it, with what is open closed.
    pub fn done(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn end_tag(&mut self) {
        if std::mem::take(&mut self.in_tag) {
            self.out.push('>');
        }
    }
}

/// A number of so many parts a whole, without zeros at its end: `12.5`.
pub fn fixed(parts: i64, whole: i64) -> String {
    let (sign, size) = (if parts < 0 { "-" } else { "" }, parts.unsigned_abs());
    let whole = whole.unsigned_abs().max(1);
    let mut out = format!("{sign}{}", size / whole);
    let behind = size % whole;
    if behind > 0 {
        let width = whole.ilog10() as usize;
        out.push_str(&format!(".{behind:0width$}"));
        out.truncate(out.trim_end_matches('0').len());
    }
    out
}

/// Control characters are shown as what they are not: HTML and XML allow few of them.
fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ if letter.is_control() => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_close_and_text_is_text() {
        let mut svg = Svg::default();
        svg.open("g").attribute("class", "a\"b").open("path").tenths("x", -5).percent("width", 1_250).close();
        svg.open("text").text("<b>&'\0");
        assert_eq!(
            svg.done(),
            "<g class=\"a&quot;b\"><path x=\"-0.5\" width=\"12.5%\"/><text>&lt;b&gt;&amp;&#39;\u{fffd}</text></g>"
        );
    }

    #[test]
    fn lengths_have_no_zeros_at_their_end() {
        let rows =
            [(0, 10, "0"), (10, 10, "1"), (105, 10, "10.5"), (-1, 10, "-0.1"), (5, 100, "0.05"), (10_000, 100, "100")];
        for (parts, whole, written) in rows {
            assert_eq!(fixed(parts, whole), written);
        }
    }
}
