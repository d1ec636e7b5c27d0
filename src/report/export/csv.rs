//! A report as CSV (RFC 4180), as spreadsheets open it: with a byte order mark, and without a formula in it.

use super::{super::wording::Wording, ExportError, json::decimal};
use crate::{
    language::Language,
    report::{Number, Report, Unit, change},
};

/// Tells spreadsheets that UTF-8 follows.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How fields and numbers are written: as the spreadsheets of a language expect them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvForm {
    /// Stands between fields.
    delimiter: u8,
    /// Stands before the digits of a part.
    point: &'static str,
}

impl CsvForm {
    /// A comma and a decimal point, or for Russian a semicolon and a decimal comma.
    pub fn of(language: Language) -> Self {
        match language {
            Language::En => Self { delimiter: b',', point: "." },
            Language::Ru => Self { delimiter: b';', point: "," },
        }
    }

    /// A writer of it into memory, for the beginning of a file.
    pub fn writer(self) -> ::csv::Writer<Vec<u8>> {
        self.builder().from_writer(BYTE_ORDER_MARK.to_vec())
    }

    /// The same for what follows.
    pub fn continued(self) -> ::csv::Writer<Vec<u8>> {
        self.builder().from_writer(Vec::new())
    }

    fn builder(self) -> ::csv::WriterBuilder {
        let mut builder = ::csv::WriterBuilder::new();
        builder.delimiter(self.delimiter).terminator(::csv::Terminator::CRLF);
        builder
    }

    /// A decimal as its numbers are written.
    pub fn decimal(self, digits: &str) -> String {
        digits.replace('.', self.point)
    }

    /// A number; nothing where it is not known. Percents are written as such: 12.5 for 12.5 %.
    pub fn number(self, number: Number, unit: Unit) -> String {
        let Some(number) = number else { return String::new() };
        let scale = if unit == Unit::Percent { unit.scale() - 2 } else { unit.scale() };
        self.decimal(&decimal(number, scale))
    }
}

/// The report: a line of headings, its rows, the total.
pub fn csv(report: &Report, wording: &Wording) -> Result<Vec<u8>, ExportError> {
    let form = CsvForm::of(wording.language);
    let query = &report.query;
    let has_before = report.before.is_some();
    let mut writer = form.writer();
    let mut headings: Vec<String> = query.by.iter().map(|by| wording.say(by.label()).to_owned()).collect();
    if headings.is_empty() {
        headings.push(String::new());
    }
    let keys = headings.len();
    for column in &query.columns {
        let heading = wording.heading_with_unit(*column, report.currency);
        let before = has_before.then(|| [wording.before(&heading), wording.change(*column)]);
        headings.push(heading);
        headings.extend(before.into_iter().flatten());
    }
    writer.write_record(&headings)?;
    let total = std::iter::once(&report.total);
    for (row, is_total) in report.rows.iter().map(|row| (row, false)).chain(total.map(|row| (row, true))) {
        let mut fields: Vec<String> = if is_total || query.by.is_empty() {
            std::iter::once(wording.total().to_owned()).chain(std::iter::repeat_n(String::new(), keys - 1)).collect()
        } else {
            wording.key(report, row).iter().map(|value| guarded(value)).collect()
        };
        for (place, (column, number)) in query.columns.iter().zip(&row.numbers).enumerate() {
            fields.push(form.number(*number, column.metric.unit()));
            if has_before {
                let before = row.before.get(place).copied().flatten();
                fields.push(form.number(before, column.metric.unit()));
                fields.push(form.number(change(*number, before), Unit::Percent));
            }
        }
        // Of a report without dimensions the one row is the total.
        if is_total || !query.by.is_empty() {
            writer.write_record(&fields)?;
        }
    }
    writer.into_inner().map_err(|e| ExportError::Csv(e.into_error().into()))
}

/// A stranger's text as a cell that no spreadsheet takes for a formula: an apostrophe stands before what would begin one,
/// at the start of the cell and behind whatever another spreadsheet may take for the end of a cell.
pub fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    // Where an apostrophe would go; nowhere once the cell has begun with something harmless.
    let mut start = Some(0);
    for char in text.chars() {
        match char {
            '\t' | '\r' | '\n' | ',' | ';' | '|' => {
                // A tab, CR or LF at the start is a danger itself.
                if let (Some(at), '\t' | '\r' | '\n') = (start.take(), char) {
                    out.insert(at, '\'');
                }
                out.push(char);
                start = Some(out.len());
            }
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '−' | '﹢' | '﹣' | '﹦' | '﹫' => {
                if let Some(at) = start.take() {
                    out.insert(at, '\'');
                }
                out.push(char);
            }
            _ => {
                if !is_skipped(char) {
                    start = None;
                }
                out.push(char);
            }
        }
    }
    out
}

/// What spreadsheets may drop from the start of a cell: blanks, quotes, characters that show nothing.
fn is_skipped(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || char == '"'
        || crate::text::is_deceptive(char)
        || matches!(char, '\u{200c}'..='\u{200f}' | '\u{61c}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        for (text, cell) in [
            ("client.example", "client.example"),
            ("a=b+c-d@e", "a=b+c-d@e"),
            ("=1+1", "'=1+1"),
            ("+7 495 000-00-00", "'+7 495 000-00-00"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("  =1", "'  =1"),
            ("\u{a0}\u{200f}\"=1", "'\u{a0}\u{200f}\"=1"),
            ("＝1+1", "'＝1+1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("'=1", "'=1"),
            ("x;=1+1", "x;'=1+1"),
            ("x,\"=1+1\"", "x,'\"=1+1\""),
            ("x\n=1", "x\n'=1"),
            ("price, high; low", "price, high; low"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_numbers_in_each_language() {
        let (en, ru) = (CsvForm::of(Language::En), CsvForm::of(Language::Ru));
        for (number, unit, in_en, in_ru) in [
            (Some(125_000), Unit::Count, "12.5", "12,5"),
            (Some(-1_234_500_000), Unit::Money, "-1234.5", "-1234,5"),
            (Some(125_000), Unit::Percent, "12.5", "12,5"),
            (Some(90), Unit::Seconds, "90", "90"),
            (None, Unit::Money, "", ""),
        ] {
            assert_eq!((en.number(number, unit), ru.number(number, unit)), (in_en.into(), in_ru.into()));
        }
    }
}
