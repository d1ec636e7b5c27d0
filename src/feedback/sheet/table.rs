//! Tables: CSV after RFC 4180, or the same with semicolons or tabs.
//!
//! Reports of advertising systems begin with a title and end with sums. The line of the headings is the first that has all
//! that is needed, and the delimiter is the one that makes it so.

use csv::{Position, ReaderBuilder, StringRecord};

use super::{Cell, Reading, Row, Sort, Unreadable, plain, shown};

/// Lines that the headings may be among.
const TITLES: usize = 20;

/// Octets of the headings at most.
const LONGEST: usize = 64 * 1024;

const DELIMITERS: [u8; 3] = *b",;\t";

/// A line taken for headings.
struct Headings<M> {
    names: Vec<String>,
    columns: Vec<Option<M>>,
    delimiter: u8,
    /// Of the line, from 1.
    line: u64,
    /// Where it begins.
    at: usize,
}

impl<M: Copy> Headings<M> {
    fn of<R: Reading<Meaning = M>>(text: &str, delimiter: u8, line: u64, at: usize) -> Option<Self> {
        let end = text.floor_char_boundary(at.saturating_add(LONGEST));
        let first = records(text.get(at..end)?, delimiter).into_records().next()?.ok()?;
        let names: Vec<String> = first.iter().map(str::to_owned).collect();
        let columns = names.iter().map(|name| R::meaning(&plain(name))).collect();
        Some(Self { names, columns, delimiter, line, at })
    }

    fn found(&self) -> Vec<M> {
        self.columns.iter().copied().flatten().collect()
    }
}

pub(super) fn read<R: Reading>(text: &str, reading: &mut R, progress: &mut dyn FnMut(usize)) -> Result<(), Unreadable> {
    let headings = find(text, reading)?;
    if let Some((one, other)) = same::<R>(&headings) {
        let line = headings.line;
        return Err(Unreadable::new(format!("line {line}: columns {one} and {other} say the same: remove one")));
    }
    for (name, _) in headings.names.iter().zip(&headings.columns).filter(|(name, column)| {
        let is_blank = name.trim().is_empty();
        column.is_none() && !is_blank
    }) {
        let in_line = |why| Unreadable::new(format!("line {}: {why}", headings.line));
        reading.unread(name, false).map_err(in_line)?;
    }
    let body = text.get(headings.at..).unwrap_or_default();
    let (mut records, mut record) = (records(body, headings.delimiter), StringRecord::new());
    let columns = headings.found();
    let mut is_first = true;
    while records.read_record(&mut record).map_err(|e| Unreadable::new(format!("cannot be read: {e}")))? {
        if std::mem::take(&mut is_first) || record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let (line, at) = begin(body, record.position());
        progress(headings.at + at);
        reading.row(&Row {
            line: headings.line + line,
            first: record.get(0).unwrap_or_default().trim(),
            columns: &columns,
            cells: &cells(&headings, &record),
            fault: fault(&headings, &record),
        });
    }
    Ok(())
}

/// How many lines and octets are before a record, which begins behind what is left of the line before and blank lines.
fn begin(body: &str, position: Option<&Position>) -> (u64, usize) {
    let (line, at) = position.map_or((1, 0), |position| (position.line(), position.byte()));
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let rest = body.as_bytes().get(at..).unwrap_or_default();
    let skipped = rest.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).filter(|octet| **octet == b'\n');
    (line - 1 + skipped.count() as u64, at)
}

fn records(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

/// The headings, or what is missing in the line that comes closest.
fn find<R: Reading>(text: &str, reading: &R) -> Result<Headings<R::Meaning>, Unreadable> {
    let mut closest: Option<Headings<R::Meaning>> = None;
    let mut at = 0;
    for (line, whole) in (1..).zip(text.split_inclusive('\n').take(TITLES)) {
        let mut best: Option<Headings<R::Meaning>> = None;
        for delimiter in DELIMITERS {
            let Some(headings) = Headings::of::<R>(text, delimiter, line, at) else { continue };
            if best.as_ref().is_none_or(|best| headings.found().len() > best.found().len()) {
                best = Some(headings);
            }
        }
        if let Some(best) = best {
            if reading.lacks(&best.found()).is_none() {
                return Ok(best);
            }
            if closest.as_ref().is_none_or(|closest| best.found().len() > closest.found().len()) {
                closest = Some(best);
            }
        }
        at += whole.len();
    }
    let (line, lack) = closest.map_or((1, None), |closest| (closest.line, reading.lacks(&closest.found())));
    let lack = lack.unwrap_or_else(|| "there are no headings".to_owned());
    Err(Unreadable::new(format!("line {line}: {lack}. Known columns: {}", R::known())))
}

/// Two columns of which one is too many.
fn same<R: Reading>(headings: &Headings<R::Meaning>) -> Option<(String, String)> {
    let known = || headings.names.iter().zip(&headings.columns).filter_map(|(name, column)| Some((name, (*column)?)));
    for (index, (name, meaning)) in known().enumerate() {
        if let Some((other, _)) = known().skip(index + 1).find(|(_, other)| R::is_same(meaning, *other)) {
            return Some((shown(name), shown(other)));
        }
    }
    None
}

fn cells<'a, M: Copy>(headings: &Headings<M>, record: &'a StringRecord) -> Vec<Cell<'a, M>> {
    let known = headings.columns.iter().zip(record.iter());
    let filled = known.filter_map(|(column, text)| {
        let text = text.trim();
        // A dash is how reports of advertising systems say that there is nothing.
        (!matches!(text, "" | "--" | "-" | "—")).then_some((column.as_ref()?, text))
    });
    let cell = |(meaning, text): (&M, &'a str)| Cell {
        meaning: *meaning,
        text: text.into(),
        sort: Sort::Cell(headings.delimiter),
    };
    filled.map(cell).collect()
}

fn fault<M>(headings: &Headings<M>, record: &StringRecord) -> Option<String> {
    let (wanted, has) = (headings.names.len(), record.len());
    let is_over = record.iter().skip(wanted).any(|cell| !cell.trim().is_empty());
    if has < wanted {
        Some(format!("has {has} columns where the headings are {wanted}"))
    } else if is_over {
        Some(format!(
            "has {has} columns where the headings are {wanted}: put text that holds the delimiter into quotes"
        ))
    } else {
        None
    }
}
