//! A report as a table on a terminal: numbers to the right, in as many blocks as its width asks for.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::super::{
    query::Column,
    table::{Report, Row},
    wording::Wording,
};
use crate::text::shown;

/// The report with what it is about and what its readers must know; lines are no wider than `width`, unless a single
/// column is.
pub fn text(report: &Report, wording: &Wording, width: Option<usize>) -> String {
    let about = wording.about(report).into_iter().map(|(name, value)| format!("{name}: {}", shown(&value)));
    let mut blocks = vec![about.collect::<Vec<_>>().join("\n")];
    let mut left = (0..report.query.columns.len()).collect::<Vec<_>>();
    while !left.is_empty() {
        let fits = |count: &usize| {
            let block = block(report, wording, left.get(..*count).unwrap_or_default());
            width.is_none_or(|width| block.lines().all(|line| line.chars().count() <= width))
        };
        let count = if fits(&left.len()) { left.len() } else { (2..left.len()).rev().find(fits).unwrap_or(1) };
        let rest = left.split_off(count);
        blocks.push(block(report, wording, &left));
        left = rest;
    }
    let notes = wording.notes(report);
    if !notes.is_empty() {
        blocks.push(notes.join("\n"));
    }
    blocks.join("\n\n")
}

/// A table of some of the columns.
fn block(report: &Report, wording: &Wording, places: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let by = &report.query.by;
    let columns = |place: &usize| report.query.columns.get(*place).copied();
    let mut headings: Vec<Cell> = by.iter().map(|by| Cell::new(wording.say(by.label()).to_uppercase())).collect();
    if by.is_empty() {
        headings.push(Cell::new(""));
    }
    let numbers = places.iter().filter_map(columns).map(|column| {
        let heading = wording.heading(column).to_uppercase();
        Cell::new(heading).set_alignment(CellAlignment::Right)
    });
    headings.extend(numbers);
    table.set_header(headings);
    if !by.is_empty() {
        for row in &report.rows {
            let key = wording.key(report, row).into_iter().map(|value| Cell::new(shown(&value)));
            table.add_row(key.chain(cells(report, wording, row, places)).collect::<Vec<_>>());
        }
    }
    let blanks = std::iter::repeat_n(Cell::new(""), by.len().saturating_sub(1));
    let key = std::iter::once(Cell::new(wording.total())).chain(blanks);
    table.add_row(key.chain(cells(report, wording, &report.total, places)).collect::<Vec<_>>());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

fn cells(report: &Report, wording: &Wording, row: &Row, places: &[usize]) -> Vec<Cell> {
    let cell = |place: &usize| {
        let column: Column = report.query.columns.get(*place).copied()?;
        let number = row.numbers.get(*place).copied().flatten();
        let mut text = wording.number(number, column.metric.unit());
        if let Some(before) = row.before.get(*place)
            && let Some(changed) = wording.changed(number, *before)
        {
            text = format!("{text} ({changed})");
        }
        Some(Cell::new(text).set_alignment(CellAlignment::Right))
    };
    places.iter().filter_map(cell).collect()
}
