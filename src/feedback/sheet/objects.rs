//! JSON: an array of objects, objects one after another, or an advertising system's answer that has them under `results`.
//!
//! Objects in objects are read as `segments.date`. Numbers are handed on with the digits that were sent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Cell, Reading, Row, Sort, Unreadable, plain, shown};

/// Objects in objects at most.
const DEPTH: usize = 4;

/// Where answers of advertising systems have their rows.
const WRAPPERS: [&str; 2] = ["results", "rows"];

pub(super) fn read<R: Reading>(
    text: &str,
    is_array: bool,
    reading: &mut R,
    progress: &mut dyn FnMut(usize),
) -> Result<(), Unreadable> {
    let wrong = |e: serde_json::Error| Unreadable::new(format!("is not JSON as expected: {e}"));
    let mut line = 0;
    if is_array {
        let objects: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
        objects.into_iter().for_each(|object| one(object, &mut line, reading));
        return Ok(());
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    while let Some(value) = values.next() {
        let value = value.map_err(wrong)?;
        all(value, &mut line, reading).map_err(wrong)?;
        progress(values.byte_offset());
    }
    Ok(())
}

/// A value that holds rows, or is one.
fn all<R: Reading>(value: &RawValue, line: &mut u64, reading: &mut R) -> serde_json::Result<()> {
    if value.get().starts_with('[') {
        let parts: Vec<&RawValue> = serde_json::from_str(value.get())?;
        for part in parts {
            // Google Ads streams an array of answers.
            match wrapped(part) {
                Some(rows) => rows.into_iter().for_each(|row| one(row, line, reading)),
                None => one(part, line, reading),
            }
        }
        return Ok(());
    }
    match wrapped(value) {
        Some(rows) => rows.into_iter().for_each(|row| one(row, line, reading)),
        None => one(value, line, reading),
    }
    Ok(())
}

fn wrapped(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !WRAPPERS.iter().any(|wrapper| value.get().contains(wrapper)) {
        return None;
    }
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(value.get()).ok()?;
    let rows = WRAPPERS.iter().find_map(|wrapper| object.get(*wrapper))?;
    serde_json::from_str(rows.get()).ok()
}

fn one<R: Reading>(object: &RawValue, line: &mut u64, reading: &mut R) {
    *line += 1;
    let mut cells = Vec::new();
    let told = flatten::<R>(object.get(), "", DEPTH, reading, &mut cells);
    let columns: Vec<_> = cells.iter().map(|cell: &Cell<'_, R::Meaning>| cell.meaning).collect();
    let filled: Vec<_> = cells.into_iter().filter(|cell| !cell.text.is_empty()).collect();
    reading.row(&Row { line: *line, first: "", columns: &columns, cells: &filled, fault: told.err() });
}

fn flatten<'a, R: Reading>(
    raw: &'a str,
    prefix: &str,
    depth: usize,
    reading: &mut R,
    cells: &mut Vec<Cell<'a, R::Meaning>>,
) -> Result<(), String> {
    let object: BTreeMap<String, &'a RawValue> = serde_json::from_str(raw).map_err(|e| format!("is no object: {e}"))?;
    for (key, value) in object {
        let name = format!("{prefix}{key}");
        let text = value.get();
        let (text, sort) = match text.bytes().next() {
            Some(b'{') if depth > 1 && holds::<R>(&name) => {
                flatten::<R>(text, &format!("{name}."), depth - 1, reading, cells)?;
                continue;
            }
            Some(b'"') => {
                let text: String =
                    serde_json::from_str(text).map_err(|e| format!("{} is no text: {e}", shown(&name)))?;
                (text.trim().to_owned().into(), Sort::Text)
            }
            Some(b'n') => ("".into(), Sort::Text),
            Some(b't' | b'f') => (text.into(), Sort::Truth),
            Some(b'[' | b'{') => ("".into(), Sort::Truth),
            _ => (text.into(), Sort::Number),
        };
        let Some(meaning) = R::meaning(&plain(&name)) else {
            reading.unread(&name, true)?;
            continue;
        };
        if value.get().starts_with(['[', '{']) {
            return Err(format!("{} is neither text nor number", shown(&name)));
        }
        if cells.iter().any(|cell| R::is_same(cell.meaning, meaning)) {
            return Err(format!("{} says what another key says, too", shown(&name)));
        }
        cells.push(Cell { meaning, text, sort });
    }
    Ok(())
}

/// Whether an object under this name is no value but holds some.
fn holds<R: Reading>(name: &str) -> bool {
    R::meaning(&plain(name)).is_none() || R::HOLDERS.contains(&plain(name).as_str())
}
