//! A stranger's text as one clean line, for events, headers, listings and logs.
//!
//! Given decoded text of any sort, gives back at most so many characters of it, without what a terminal obeys and
//! without what makes a person read something else than a program does. Nearly every text is clean as it comes: that is
//! found out first, in one look. Does no I/O and never panics.

use std::borrow::Cow;

/// Whether a character shows nothing and changes what the others look like: bidirectional embeddings, overrides and
/// isolates (`photo\u{202e}gpj.exe`), and invisible ones that make two equal-looking names differ or carry a hidden text.
///
/// Joiners (U+200C, U+200D), direction marks (U+200E, U+200F, U+061C) and variation selectors stay: Persian, Hebrew and
/// emoji are written with them, and they reorder no letters.
pub fn is_deceptive(char: char) -> bool {
    matches!(char,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates (UAX #9)
        | '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' // zero width
        | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' // deprecated formats, annotations
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers, blank letters
        | '\u{e0000}'..='\u{e007f}' // tags, a second alphabet that nobody sees
    )
}

/// A stranger's text made fit for events: no control and no deceptive characters, runs of blanks made one, at most
/// `max` characters; `None` if nothing is left.
pub fn bounded(text: &str, max: usize) -> Option<String> {
    if text.len() <= max && is_clean_ascii(text) {
        return Some(text.to_owned());
    }
    let mut out = String::with_capacity(text.len().min(max));
    let mut blank = false;
    let mut room = max;
    for char in text.chars().filter(|char| !is_deceptive(*char)) {
        if char.is_whitespace() || char.is_control() {
            blank = !out.is_empty();
            continue;
        }
        let wanted = 1 + usize::from(blank);
        if room < wanted {
            break;
        }
        room -= wanted;
        if std::mem::take(&mut blank) {
            out.push(' ');
        }
        out.push(char);
    }
    (!out.is_empty()).then_some(out)
}

/// A stranger's text where it is shown: a sign stands for each character that a terminal obeys, that ends a line, or that
/// makes a person read something else.
pub fn shown(text: &str) -> String {
    let is_harmless =
        |char: char| !char.is_control() && !is_deceptive(char) && !matches!(char, '\u{2028}' | '\u{2029}');
    text.chars().map(|char| if is_harmless(char) { char } else { '\u{fffd}' }).collect()
}

/// Words with one blank between each two, as a header field reads once its folds are gone.
pub fn on_one_line(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_empty() || is_clean_ascii(&text) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// Whether a text is printable words with one blank between each two.
pub fn is_clean_ascii(text: &str) -> bool {
    let mut before = b' ';
    let is_clean = text.bytes().all(|byte| {
        let is_second_blank = byte == b' ' && before == b' ';
        before = byte;
        matches!(byte, b' '..=b'~') && !is_second_blank
    });
    is_clean && before != b' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounded_text_is_one_clean_line() {
        let rows = [
            ("Запрос цены", 1024, Some("Запрос цены")),
            ("  two\r\n\tlines \u{0} ", 1024, Some("two lines")),
            ("\u{7f}\u{1b}[31mred", 1024, Some("[31mred")),
            ("one\u{85}two\u{2028}three\u{2029}four", 1024, Some("one two three four")),
            ("абвгд", 3, Some("абв")),
            ("ab cd", 3, Some("ab")),
            (" \r\n ", 10, None),
            ("", 10, None),
        ];
        for (text, max, expected) in rows {
            assert_eq!(bounded(text, max).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_deceives_the_eye_goes_and_what_scripts_need_stays() {
        let rows = [
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            ("\u{2067}Ivan\u{2069} \u{202a}Petrov\u{202c}", Some("Ivan Petrov")),
            ("pay\u{200b}pal \u{feff}x\u{ad}y\u{2060}z", Some("paypal xyz")),
            ("pumps\u{e0069}\u{e0067}\u{e006e}\u{e007f}", Some("pumps")),
            ("\u{200b}\u{3164}\u{ffa0}", None),
            ("می\u{200c}خواهم", Some("می\u{200c}خواهم")),
            ("👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}", Some("👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}")),
            ("שלום\u{200f}!", Some("שלום\u{200f}!")),
        ];
        for (text, expected) in rows {
            assert_eq!(bounded(text, 1024).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_terminal_gets_one_line_in_the_order_it_was_written() {
        assert_eq!(shown("Иван \u{1b}[2J\r\n\u{9b}31m"), "Иван \u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}31m");
        assert_eq!(shown("a\u{202e}b\u{2066}c\u{200b}d\u{2028}e"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e");
        assert_eq!(shown("می\u{200c}خواهم 👩\u{200d}👧"), "می\u{200c}خواهم 👩\u{200d}👧");
    }

    #[test]
    fn a_line_keeps_its_words_and_no_more() {
        let rows = [
            ("", ""),
            ("two words", "two words"),
            ("\n two\n\twords ", "two words"),
            (" lead", "lead"),
            ("trail ", "trail"),
            ("two  blanks", "two blanks"),
            ("\u{a0}Цена\u{2028}насоса", "Цена насоса"),
            ("\u{1}", "\u{1}"),
            (" \n ", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(on_one_line(text.into()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_clean_needs_no_cleaning(text in "[a ~\t\u{7f}й]{0,12}") {
            let words: Vec<&str> = text.split_whitespace().collect();
            prop_assert_eq!(&on_one_line(text.as_str().into()), &words.join(" "));
            if is_clean_ascii(&text) {
                let longer = format!("{text}\u{200b}");
                prop_assert_eq!(bounded(&text, 12), bounded(&longer, 12));
            }
        }

        #[test]
        fn bounded_text_holds_its_bound(text in any::<String>(), max in 0usize..50) {
            if let Some(out) = bounded(&text, max) {
                prop_assert!(out.chars().count() <= max);
                prop_assert!(!out.chars().any(|char| char.is_control() || is_deceptive(char)));
                prop_assert_eq!(bounded(&out, max), Some(out));
            }
        }
    }
}
