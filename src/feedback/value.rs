//! What stands in a cell: days, amounts, counts, and how people and programs write them.
//!
//! Given a cell, gives back what it means, or why that cannot be said. What could mean two things means nothing: a wrong
//! guess would be off by a thousand.

use jiff::civil::{Date, DateTime};

use super::sheet::Sort;
use crate::{clock::Day, lead::limit, money::Amount, pattern::composed, text::bounded};

/// Forms of a day beside ISO 8601: of Russia, and of Google's reports in English.
const FORMS: [&str; 2] = ["%d.%m.%Y", "%b %d, %Y"];

/// Days of a period at most.
const LONGEST: i32 = 3_660;

/// A text that is compared with UTM values of visits, which are cleaned in the same way.
pub(super) fn text(text: &str) -> String {
    bounded(&composed(text), limit::TEXT).unwrap_or_default()
}

/// `2026-11-22`, `20261122`, `22.11.2026`, `Nov 22, 2026`; a time of day is left out.
pub(super) fn day(text: &str) -> Result<Day, String> {
    if text.contains('/') {
        return Err(format!("{} may be read in two ways: write 2026-11-22", quoted(text)));
    }
    let iso = || text.parse::<DateTime>().ok().map(DateTime::date);
    let other = || FORMS.into_iter().find_map(|form| Date::strptime(form, text).ok());
    let date = iso().or_else(other).ok_or_else(|| format!("{} is no day: write 2026-11-22", quoted(text)))?;
    if !(2000..2100).contains(&date.year()) {
        return Err(format!("{} is not in this century", quoted(text)));
    }
    Ok(Day::of(date))
}

/// A day, or two with a slash between them, as Yandex Metrica has it.
pub(super) fn days(text: &str) -> Result<(Day, Day), String> {
    match text.split_once('/').map(|(from, to)| (day(from), day(to))) {
        Some((Ok(from), Ok(to))) => period(from, to),
        _ => day(text).map(|day| (day, day)),
    }
}

/// The days from one to another, both included.
pub(super) fn period(from: Day, to: Day) -> Result<(Day, Day), String> {
    if to < from {
        return Err(format!("the period ends on {to}, before it begins on {from}"));
    }
    if to.0 - from.0 >= LONGEST {
        return Err(format!("the period from {from} to {to} is longer than ten years"));
    }
    Ok((from, to))
}

/// An amount: in JSON a point and digits, in tables with blanks, points or commas where people put them.
pub(super) fn amount(text: &str, sort: Sort) -> Result<Amount, String> {
    let wrong = |why: &str| format!("{} {why}", quoted(text));
    let Sort::Cell(delimiter) = sort else { return text.parse().map_err(wrong) };
    let even: String = text.chars().map(as_written).collect();
    let (sign, digits) = even.strip_prefix('-').map_or(("", even.as_str()), |digits| ("-", digits));
    let (whole, behind) = split(digits, delimiter).map_err(wrong)?;
    let whole = ungrouped(whole).ok_or_else(|| wrong("is no amount: write digits with a point, such as 1234.50"))?;
    format!("{sign}{whole}.{behind}").parse().map_err(wrong)
}

/// Parts an amount at its decimal separator.
fn split(digits: &str, delimiter: u8) -> Result<(&str, &str), &'static str> {
    let (points, commas) = (digits.matches('.').count(), digits.matches(',').count());
    let last = digits.rfind(['.', ',']).and_then(|at| Some((digits.get(..at)?, digits.get(at + 1..)?)));
    let Some((whole, behind)) = last else { return Ok((digits, "0")) };
    let is_comma = digits.len() > whole.len() && digits.as_bytes().get(whole.len()) == Some(&b',');
    let (own, others) = if is_comma { (commas, points) } else { (points, commas) };
    if own > 1 {
        // Several of one sort part thousands; then the last of the other sort, which comes before, cannot be decimal.
        return if others == 0 {
            Ok((digits, "0"))
        } else {
            Err("is no amount: write it without separators of thousands")
        };
    }
    // 0.125 and 1234.125 have no thousands before the separator.
    let may_be_thousands = behind.len() == 3 && whole.len() <= 3 && !whole.starts_with('0') && others == 0;
    if may_be_thousands && (is_comma || delimiter == b';') {
        return Err("may be read in two ways: write it without separators of thousands");
    }
    if is_comma && others == 0 && delimiter == b',' {
        return Err("has a comma in a file whose columns commas part: write a point");
    }
    Ok((whole, behind))
}

/// Digits without what parts their thousands; `None` if it does not.
fn ungrouped(whole: &str) -> Option<String> {
    let mut separators = whole.chars().filter(|char| !char.is_ascii_digit());
    let separator = separators.next();
    if separators.any(|other| Some(other) != separator) || !matches!(separator, None | Some(' ' | ',' | '.')) {
        return None;
    }
    let Some(separator) = separator else { return Some(whole.to_owned()) };
    let mut groups = whole.split(separator);
    let is_head = groups.next().is_some_and(|head| (1..=3).contains(&head.len()));
    (is_head && groups.all(|group| group.len() == 3)).then(|| whole.replace(separator, ""))
}

/// Blanks of all sorts are one, and so are minus signs.
fn as_written(char: char) -> char {
    match char {
        '\u{2212}' => '-',
        blank if blank.is_whitespace() => ' ',
        other => other,
    }
}

/// A whole number from zero on.
pub(super) fn count(text: &str, sort: Sort) -> Result<u64, String> {
    let digits = match sort {
        Sort::Cell(_) => ungrouped(&text.chars().map(as_written).collect::<String>()),
        _ => Some(text.to_owned()),
    };
    let is_number = |digits: &String| digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.filter(is_number).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("{} is no whole number", quoted(text)))
}

/// Yes or no.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "1" | "да" | "included" => Ok(true),
        "no" | "false" | "0" | "нет" | "excluded" => Ok(false),
        _ => Err(format!("{} is neither included nor excluded", quoted(text))),
    }
}

/// A name: letters, digits, `.`, `_` and `-`, at most 64.
pub(super) fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=limit::NAME).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is no name: write letters, digits, . _ -, at most {}", quoted(text), limit::NAME))
}

/// A stranger's text in an error.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", bounded(text, 60).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_people_write_them_or_refused() {
        let rows = [
            ("1234.5", *b",;\t", "1234.50"),
            ("-1234.5", *b",;\t", "-1234.50"),
            ("\u{2212}12", *b",;\t", "-12.00"),
            ("1 234 567", *b",;\t", "1234567.00"),
            ("1\u{a0}234.5", *b",;\t", "1234.50"),
            ("1,234.50", *b",;\t", "1234.50"),
            ("1.234,50", *b",;\t", "1234.50"),
            ("1,234,567", *b",;\t", "1234567.00"),
            ("1.234.567", *b",;\t", "1234567.00"),
            ("1\u{202f}234,56", *b";\t\t", "1234.56"),
            ("12,5", *b";\t\t", "12.50"),
            ("0,123", *b";\t\t", "0.123"),
            ("12.345", *b",\t\t", "12.345"),
            ("0.125", *b",;\t", "0.125"),
            ("1234.125", *b",;\t", "1234.125"),
        ];
        for (text, delimiters, expected) in rows {
            for delimiter in delimiters {
                let read = amount(text, Sort::Cell(delimiter)).map(|amount| amount.to_string());
                assert_eq!(read, Ok(expected.to_owned()), "{text} {delimiter}");
            }
        }
        let two_ways = "may be read in two ways: write it without separators of thousands";
        let no_amount = "is no amount: write digits with a point, such as 1234.50";
        for (text, delimiter, told) in [
            ("12,5", b',', "has a comma in a file whose columns commas part: write a point"),
            ("1,234", b',', two_ways),
            ("1,234", b'\t', two_ways),
            ("1.234", b';', two_ways),
            ("1,234.567.890", b'\t', "is no amount: write it without separators of thousands"),
            ("12 34", b';', no_amount),
            ("1 234,567.00", b';', no_amount),
            ("12.5 руб.", b';', no_amount),
            ("$12", b',', no_amount),
            ("1e3", b',', no_amount),
            ("(12)", b',', no_amount),
            ("0.0000001", b',', "is finer than a millionth"),
        ] {
            assert_eq!(amount(text, Sort::Cell(delimiter)), Err(format!("{text:?} {told}")), "{text}");
        }
        assert_eq!(amount("1.234", Sort::Number).map(|amount| amount.0), Ok(1_234_000));
        assert_eq!(amount("1 234", Sort::Text), Err("\"1 234\" ".to_owned() + no_amount));
    }

    #[test]
    fn days_are_read_where_they_are_clear() {
        let day_of = |text: &str| day(text).map(|day| day.to_string());
        for text in ["2026-11-22", "20261122", "22.11.2026", "Nov 22, 2026", "2026-11-22 13:00:00", "2026-11-22T13:00"]
        {
            assert_eq!(day_of(text), Ok("2026-11-22".to_owned()), "{text}");
        }
        for (text, told) in [
            ("11/22/2026", "\"11/22/2026\" may be read in two ways: write 2026-11-22"),
            ("2026-02-30", "\"2026-02-30\" is no day: write 2026-11-22"),
            ("tomorrow", "\"tomorrow\" is no day: write 2026-11-22"),
            ("1999-12-31", "\"1999-12-31\" is not in this century"),
        ] {
            assert_eq!(day_of(text), Err(told.to_owned()), "{text}");
        }
        let told = |text: &str| days(text).map(|(from, to)| format!("{from} {to}"));
        assert_eq!(told("2026-11-01/2026-11-30"), Ok("2026-11-01 2026-11-30".to_owned()));
        assert_eq!(told("2026-11-02"), Ok("2026-11-02 2026-11-02".to_owned()));
        assert_eq!(
            told("2026-11-02/2026-11-01"),
            Err("the period ends on 2026-11-01, before it begins on 2026-11-02".to_owned())
        );
        assert_eq!(
            told("2001-11-02/2026-11-01"),
            Err("the period from 2001-11-02 to 2026-11-01 is longer than ten years".to_owned())
        );
    }

    #[test]
    fn counts_are_whole() {
        for (text, expected) in [("0", Some(0)), ("1,234", Some(1234)), ("1 234 567", Some(1_234_567)), ("12.5", None)]
        {
            assert_eq!(count(text, Sort::Cell(b';')).ok(), expected, "{text}");
        }
        assert_eq!((count("1,234", Sort::Text).ok(), count("-1", Sort::Number).ok()), (None, None));
        assert_eq!((count("", Sort::Text).ok(), count("9999999999999999", Sort::Number).ok()), (None, None));
    }

    proptest! {
        #[test]
        fn no_cell_makes_it_panic(text in "[0-9., \u{a0}/+-]{0,16}|\\PC{0,16}", delimiter in prop::sample::select(&b",;\t"[..])) {
            for sort in [Sort::Cell(delimiter), Sort::Text, Sort::Number] {
                drop((amount(&text, sort), count(&text, sort)));
            }
            drop((day(&text), days(&text), truth(&text), name(&text)));
        }

        #[test]
        fn an_amount_reads_as_it_is_written(value in any::<i64>(), delimiter in prop::sample::select(&b",\t"[..])) {
            let value = Amount(value.max(-i64::MAX));
            prop_assert_eq!(amount(&value.to_string(), Sort::Cell(delimiter)), Ok(value));
            prop_assert_eq!(amount(&value.to_string(), Sort::Number), Ok(value));
        }
    }
}
