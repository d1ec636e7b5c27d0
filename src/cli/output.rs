//! How listings look: a table for people, one JSON object a line for programs.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use jiff::tz::TimeZone;
use serde::Serialize;

pub use crate::text::shown as printable;
use crate::{clock::Millis, config::Config};

/// Prints one JSON object a line.
pub fn json_lines<T: Serialize>(items: &[T]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for item in items {
        serde_json::to_writer(&mut out, item).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Prints text.
pub fn text(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints rows under headings; `empty` stands where there are none.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>, empty: &str) -> anyhow::Result<()> {
    if rows.is_empty() {
        return text(empty);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    text(&table.trim_fmt())
}

/// `1 lead`, `2 leads`.
pub fn count(number: usize, thing: &str) -> String {
    let plural = match (number, thing.strip_suffix('x')) {
        (1, _) => thing.to_owned(),
        (_, Some(_)) => format!("{thing}es"),
        _ if thing.ends_with('y') => format!("{}ies", thing.trim_end_matches('y')),
        _ if thing.ends_with("ss") => format!("{thing}es"),
        _ => format!("{thing}s"),
    };
    format!("{number} {plural}")
}

/// A value, or a dash.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time in the config's zone.
pub fn local(at: Millis, config: &Config) -> String {
    let zone = TimeZone::get(&config.timezone).unwrap_or(TimeZone::UTC);
    at.timestamp().to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
