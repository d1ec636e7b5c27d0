//! A report as an XLSX workbook: text is text whatever it looks like, numbers are numbers, and nothing is a formula.

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet};

use super::{super::wording::Wording, ExportError};
use crate::{
    language::Text,
    report::{Column, Dimension, Report, Row, Unit, WHOLE, change},
};

/// UTF-16 code units of a cell's text at most.
const LONGEST: usize = 32_767;

/// Characters of a column's width at most.
const WIDEST: usize = 60;

type Done = Result<(), rust_xlsxwriter::XlsxError>;

/// The report on one sheet, and on a second one what it is about.
pub fn xlsx(report: &Report, wording: &Wording) -> Result<Vec<u8>, ExportError> {
    let mut workbook = Workbook::new();
    // The same report makes the same file.
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    numbers(workbook.add_worksheet(), report, wording)?;
    about(workbook.add_worksheet(), report, wording)?;
    Ok(workbook.save_to_buffer()?)
}

fn numbers(sheet: &mut Worksheet, report: &Report, wording: &Wording) -> Done {
    let Report { query, rows, total, .. } = report;
    let has_before = report.before.is_some();
    sheet.set_name(wording.say(Text { en: "Report", ru: "Отчёт" }))?;
    let heading = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let heading = heading.set_background_color(Color::RGB(0x00E8_EDF3)).set_border_bottom(FormatBorder::Thin);
    let mut headings: Vec<String> = query.by.iter().map(|by| wording.say(by.label()).to_owned()).collect();
    if headings.is_empty() {
        headings.push(String::new());
    }
    let keys = headings.len();
    for column in &query.columns {
        let name = heading_of(wording, *column, report);
        let before = has_before.then(|| [wording.before(&name), wording.change(*column)]);
        headings.push(name);
        headings.extend(before.into_iter().flatten());
    }
    let mut widths: Vec<usize> = headings.iter().map(|text| text.chars().count().min(18)).collect();
    for (column, text) in (0_u16..).zip(&headings) {
        sheet.write_string_with_format(0, column, cell(text), &heading)?;
    }
    let mut at = 0_u32;
    let plain = Style::new(false);
    for row in rows.iter().filter(|_| !query.by.is_empty()) {
        at += 1;
        let shown = wording.key(report, row);
        for ((column, by), (value, shown)) in (0_u16..).zip(&query.by).zip(row.key.iter().zip(&shown)) {
            widen(&mut widths, column, shown.chars().count());
            let day = value.as_deref().filter(|_| matches!(by, Dimension::Day | Dimension::Week));
            match day.and_then(|day| ExcelDateTime::parse_from_str(day).ok()) {
                Some(day) => sheet.write_datetime_with_format(at, column, day, &plain.day)?,
                None => sheet.write_string(at, column, cell(shown))?,
            };
        }
        write(sheet, &plain, (at, keys), report, row, &mut widths)?;
    }
    if at > 0 {
        sheet.autofilter(0, 0, at, u16::try_from(headings.len()).unwrap_or(u16::MAX).saturating_sub(1))?;
    }
    let strong = Style::new(true);
    sheet.write_string_with_format(at + 1, 0, wording.total(), &strong.text)?;
    write(sheet, &strong, (at + 1, keys), report, total, &mut widths)?;
    sheet.set_freeze_panes(1, u16::try_from(query.by.len()).unwrap_or_default())?;
    for (column, width) in (0_u16..).zip(widths) {
        sheet.set_column_width(column, width as f64 + 2.0)?;
    }
    Ok(())
}

/// Counts stand without a unit, money with the currency, percents are formatted as such.
fn heading_of(wording: &Wording, column: Column, report: &Report) -> String {
    match column.metric.unit() {
        Unit::Percent => wording.heading(column),
        _ => wording.heading_with_unit(column, report.currency),
    }
}

fn write(
    sheet: &mut Worksheet,
    style: &Style,
    (at, mut column): (u32, usize),
    report: &Report,
    row: &Row,
    widths: &mut [usize],
) -> Done {
    let has_before = report.before.is_some();
    for (place, (of, number)) in report.query.columns.iter().zip(&row.numbers).enumerate() {
        let unit = of.metric.unit();
        let before = row.before.get(place).copied().flatten();
        let cells = [(*number, unit), (before, unit), (change(*number, before), Unit::Percent)];
        for (number, unit) in cells.into_iter().take(if has_before { 3 } else { 1 }) {
            let here = u16::try_from(column).unwrap_or(u16::MAX);
            if let Some(number) = number {
                widen(widths, here, number.to_string().len());
                sheet.write_number_with_format(at, here, float(number, unit), style.of(number, unit))?;
            }
            column += 1;
        }
    }
    Ok(())
}

/// Workbooks know no other numbers; fifteen digits of it are exact.
fn float(number: i128, unit: Unit) -> f64 {
    number as f64 / 10_f64.powi(i32::try_from(unit.scale()).unwrap_or_default())
}

fn widen(widths: &mut [usize], column: u16, width: usize) {
    if let Some(known) = widths.get_mut(usize::from(column)) {
        *known = (*known).max(width.min(WIDEST));
    }
}

fn about(sheet: &mut Worksheet, report: &Report, wording: &Wording) -> Done {
    sheet.set_name(wording.say(Text { en: "About", ru: "О отчёте" }))?;
    let strong = Format::new().set_bold();
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let mut at = 0_u32;
    let mut line = |sheet: &mut Worksheet, name: &str, value: &str| -> Done {
        sheet.write_string_with_format(at, 0, cell(name), &strong)?;
        sheet.write_string_with_format(at, 1, cell(value), &wrapped)?;
        at += 1;
        Ok(())
    };
    for (name, value) in wording.about(report) {
        line(sheet, name, &value)?;
    }
    for note in wording.notes(report) {
        line(sheet, wording.say(Text { en: "Note", ru: "Примечание" }), &note)?;
    }
    for column in &report.query.columns {
        let entry = column.metric.entry();
        let value = format!("{} {}", wording.say(entry.help), entry.formula);
        line(sheet, &wording.heading(*column), &value)?;
    }
    sheet.set_column_width(0, 28)?;
    sheet.set_column_width(1, 90)?;
    Ok(())
}

/// Formats of one sort of row.
struct Style {
    text: Format,
    day: Format,
    count: Format,
    part: Format,
    money: Format,
    percent: Format,
    seconds: Format,
}

impl Style {
    fn new(is_strong: bool) -> Self {
        let base = if is_strong { Format::new().set_bold().set_border_top(FormatBorder::Thin) } else { Format::new() };
        let number = |form: &str| base.clone().set_num_format(form);
        Self {
            day: number("yyyy-mm-dd").set_align(FormatAlign::Left),
            count: number("#,##0"),
            part: number("#,##0.00"),
            money: number("#,##0.00"),
            percent: number("0.0%"),
            seconds: number("#,##0"),
            text: base,
        }
    }

    fn of(&self, number: i128, unit: Unit) -> &Format {
        match unit {
            Unit::Count if number % i128::from(WHOLE) != 0 => &self.part,
            Unit::Count => &self.count,
            Unit::Money => &self.money,
            Unit::Percent => &self.percent,
            Unit::Seconds => &self.seconds,
        }
    }
}

/// A stranger's text as a cell holds it: without what XML cannot say, and no longer than a cell is.
fn cell(text: &str) -> String {
    let mut room = LONGEST;
    let is_said = |char: &char| !matches!(char, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let fits = |char: &char| {
        let left = room.checked_sub(char.len_utf16());
        room = left.unwrap_or_default();
        left.is_some()
    };
    text.chars().filter(is_said).take_while(fits).collect()
}
