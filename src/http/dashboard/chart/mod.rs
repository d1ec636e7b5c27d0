//! Charts: SVG that is drawn here, for pages without scripts, for print and for readers of every kind.
//!
//! Given numbers and the words beside them; gives back one `figure` of HTML, escaped, without inline style (the pages'
//! policy forbids it): `chart.css` dresses it, in light and dark. What a colour tells, a dash, a mark or a text tells as well,
//! and every picture is one image with a name and a description; the page has its numbers in a table beside it. Text keeps
//! its size at any width, since widths are percents and only the lines are stretched.

mod axis;
mod bars;
mod heat;
mod number;
mod series;
mod spark;
mod svg;

pub use self::{
    bars::{Bar, Bars},
    heat::Heat,
    series::{Point, Series},
    spark::spark,
};

use self::svg::Svg;

/// What a chart is called.
#[derive(Clone, Debug)]
pub struct Name<'a> {
    /// Names its elements on the page: letters, digits and hyphens.
    pub id: &'a str,
    /// Its name.
    pub title: &'a str,
    /// What it shows, in a sentence or two, for those who do not see it.
    pub description: &'a str,
}

/// One sign of a legend, and what it stands for.
struct Key {
    class: &'static str,
    means: String,
}

/// Puts the picture, its name and its legend together.
fn figure(name: &Name<'_>, height: i64, keys: &[Key], draw: impl FnOnce(&mut Svg)) -> String {
    let mut svg = Svg::default();
    svg.open("figure").attribute("class", "chart");
    svg.open("figcaption").open("span").attribute("class", "chart-name").text(name.title).close();
    for key in keys {
        svg.open("span").attribute("class", "chart-key");
        svg.open("svg").attribute("class", key.class).attribute("width", "24").attribute("height", "12");
        svg.attribute("aria-hidden", "true");
        sign(&mut svg, key.class);
        svg.close().text(&key.means).close();
    }
    svg.close();
    let (title, description) = (format!("{}-title", name.id), format!("{}-about", name.id));
    svg.open("svg").attribute("id", name.id).attribute("width", "100%").attribute("height", &height.to_string());
    svg.attribute("role", "img").attribute("aria-labelledby", &title).attribute("aria-describedby", &description);
    svg.open("title").attribute("id", &title).text(name.title).close();
    svg.open("desc").attribute("id", &description).text(name.description).close();
    draw(&mut svg);
    svg.close().close();
    svg.done()
}

/// What a legend shows of a sign: a line, or a patch of its colour.
fn sign(svg: &mut Svg, class: &str) {
    match class {
        "now" | "before" | "partial" => {
            svg.open("path").attribute("d", "M0 6H24").attribute("class", &format!("line {class}"));
            dashed(svg, class);
            svg.close();
            if class == "partial" {
                svg.open("circle").attribute("cx", "12").attribute("cy", "6").attribute("r", "4");
                svg.attribute("class", "dot partial").close();
            }
        }
        "mark" => {
            svg.open("rect").attribute("x", "11").attribute("width", "2").attribute("height", "12");
            svg.attribute("class", "mark").close();
        }
        _ => {
            svg.open("rect").attribute("width", "24").attribute("height", "12").attribute("class", class).close();
        }
    }
}

/// Dashes are attributes, so that lines differ where no style sheet is read.
fn dashed(svg: &mut Svg, class: &str) {
    svg.attribute("fill", "none").attribute("stroke", "currentColor");
    match class {
        "before" => svg.attribute("stroke-dasharray", "6 4"),
        "partial" => svg.attribute("stroke-dasharray", "2 3"),
        _ => svg,
    };
}

/// As many characters of a text as stand beside a value on a small screen.
fn short(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = include_str!("chart.css");

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!((short("реклама", 7), short("реклама", 6)), ("реклама".to_owned(), "рекла…".to_owned()));
    }

    #[test]
    fn the_style_sheet_dresses_every_class() {
        for class in ["line", "now", "before", "partial", "area", "dot", "grid", "tick", "hit", "track", "bar", "mark"]
        {
            assert!(STYLE.contains(&format!(".{class}")), "{class}");
        }
        for level in 0..=5 {
            assert!(STYLE.contains(&format!(".h{level}")), "{level}");
        }
    }
}
