//! A report as HTML for mail programs: one table whose styles stand with their elements, bars of table cells, and nothing
//! that has to be fetched from anywhere.

use crate::{
    report::{Report, Row, Unit, Wording},
    text::shown,
};

/// Width of the longest bar, in pixels.
const BAR: i128 = 120;

const CELL: &str = "padding:4px 8px;border-bottom:1px solid #d0d7de;text-align:right;white-space:nowrap";
const KEY: &str = "padding:4px 8px;border-bottom:1px solid #d0d7de;text-align:left;font-weight:normal";
const SMALL: &str = "color:#57606a;font-size:12px";

/// The whole letter.
pub fn html(report: &Report, wording: &Wording, title: &str) -> String {
    let language = wording.language.tag();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:14px;color:#1f2328;background:#ffffff\">\n\
         <h1 style=\"font-size:18px\">{title}</h1>\n",
        title = escaped(title),
    );
    for (name, value) in wording.about(report) {
        out.push_str(&format!("<div style=\"{SMALL}\">{}: {}</div>\n", escaped(name), text(&value)));
    }
    out.push_str("<table style=\"border-collapse:collapse;margin-top:12px\">\n<thead><tr>");
    let by = report.query.by.iter().map(|by| wording.say(by.label()).to_owned());
    by.for_each(|heading| head(&mut out, &heading, KEY));
    report.query.columns.iter().for_each(|column| head(&mut out, &wording.heading(*column), CELL));
    out.push_str("</tr></thead>\n<tbody>\n");
    let most = report.rows.iter().filter_map(|row| *row.numbers.first()?).max().unwrap_or(0);
    for row in &report.rows {
        let keys: Vec<_> = wording.key(report, row).iter().map(|key| text(key)).collect();
        line(&mut out, &keys, row, report, wording, Some(most));
    }
    out.push_str("</tbody>\n<tfoot>\n");
    let mut keys = vec![format!("<b>{}</b>", escaped(wording.total()))];
    keys.resize(report.query.by.len().max(1), String::new());
    keys.truncate(report.query.by.len());
    line(&mut out, &keys, &report.total, report, wording, None);
    out.push_str("</tfoot></table>\n");
    for note in wording.notes(report) {
        out.push_str(&format!("<p style=\"{SMALL}\">{}</p>\n", text(&note)));
    }
    out.push_str("</body></html>\n");
    out
}

fn head(out: &mut String, heading: &str, style: &str) {
    out.push_str(&format!("<th scope=\"col\" style=\"{style};font-weight:bold\">{}</th>", escaped(heading)));
}

/// One row; its first number has a bar if `most` says what the longest one stands for.
fn line(out: &mut String, keys: &[String], row: &Row, report: &Report, wording: &Wording, most: Option<i128>) {
    out.push_str("<tr>");
    for key in keys {
        out.push_str(&format!("<th scope=\"row\" style=\"{KEY}\">{key}</th>"));
    }
    for (place, (column, number)) in report.query.columns.iter().zip(&row.numbers).enumerate() {
        let unit = column.metric.unit();
        let currency =
            if unit == Unit::Money && number.is_some() { format!("\u{a0}{}", report.currency) } else { String::new() };
        let mut cell = format!("{}{currency}", escaped(&wording.number(*number, unit)));
        let before = row.before.get(place).copied().flatten();
        if let Some(changed) = wording.changed(*number, before) {
            cell.push_str(&format!("<br><span style=\"{SMALL}\">{}</span>", escaped(&changed)));
        }
        if let (0, Some(most), Some(number)) = (place, most, number) {
            cell.push_str(&bar(*number, most));
        }
        out.push_str(&format!("<td style=\"{CELL}\">{cell}</td>"));
    }
    out.push_str("</tr>\n");
}

/// A bar is a cell with a colour: mail programs show no pictures unasked.
fn bar(number: i128, most: i128) -> String {
    let width = if most > 0 { number.clamp(0, most) * BAR / most } else { 0 };
    if width == 0 {
        return String::new();
    }
    format!(
        "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\"><tr><td width=\"{width}\" height=\"6\" \
         style=\"background:#0969da;font-size:0;line-height:0\">&nbsp;</td></tr></table>"
    )
}

/// What strangers wrote: text, on one line, and kept apart from the direction of what stands around it.
fn text(of: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(&shown(of)))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language::Language,
        model::Model,
        money::Currency,
        report::{Dimension, MoneyNote, Period, Preset},
    };

    #[test]
    fn what_strangers_wrote_is_text_and_nothing_is_fetched() {
        let day = jiff::civil::date(2026, 11, 22);
        let mut query = Preset::Funnel.query(Period { first: day, last: day }, Model::default());
        query.by = vec![Dimension::Campaign];
        query.columns.truncate(1);
        let hostile = "<img src=//evil.example/x onerror=alert(1)>\u{202e}\"'&\r\n\u{1b}[2J";
        let row =
            |key: &str, number| Row { key: vec![Some(key.to_owned())], numbers: vec![Some(number)], ..Row::default() };
        let report = Report {
            query,
            before: None,
            zone: "UTC".to_owned(),
            currency: Currency::RUB,
            rows: vec![row(hostile, 200), row("b", 50), row("c", 0)],
            total: row("", 250),
            left_out: 0,
            is_partial: false,
            money: MoneyNote::default(),
        };
        let wording = Wording::with_channels(Language::En, []);
        let told = html(&report, &wording, "<b>");
        for bad in ["<img", "<title><b>", "href", "url(", "\u{202e}", "\u{1b}", "\r", "<script"] {
            assert!(!told.contains(bad), "{bad:?} in {told}");
        }
        assert!(told.contains("<bdi>&lt;img src=//evil.example/x onerror=alert(1)&gt;"), "{told}");
        let widths: Vec<_> = told.split("<td width=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(widths, ["120", "30"], "a bar for each that has something, and none for the total");
    }
}
