//! Files of many makes as rows: tables whose cells are parted by comma, semicolon or tab, and JSON.
//!
//! Given the octets of a file and a [`Reading`], which knows headings; hands it row by row the cells that have one. Names
//! of headings are compared without case, blanks and marks, so that `UTM_Source`, `UTMSource` and `utm source` are one.
//! Never panics, whatever the file holds.

mod charset;
mod objects;
mod table;

use std::borrow::Cow;

use super::Unreadable;

/// Octets of a file at most.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// By its first character.
    #[default]
    Auto,
    /// A table.
    Csv,
    /// Objects: an array of them, one a line, or the answer of an advertising system.
    Json,
    /// An array of objects, and nothing else.
    JsonArray,
}

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A cell of a table, in a file with this delimiter.
    Cell(u8),
    /// A string of JSON.
    Text,
    /// A number of JSON, with the digits that were sent.
    Number,
    /// `true` or `false` of JSON.
    Truth,
}

/// A cell that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a, M> {
    /// What its heading means.
    pub meaning: M,
    /// What stands in it.
    pub text: Cow<'a, str>,
    /// What it is.
    pub sort: Sort,
}

/// A row.
#[derive(Debug)]
pub struct Row<'a, M> {
    /// The line of a table, or the number of an object; from 1.
    pub line: u64,
    /// What the first column holds, whatever it means; empty in JSON.
    pub first: &'a str,
    /// What its headings mean, whether there is something in them or not.
    pub columns: &'a [M],
    /// Its cells.
    pub cells: &'a [Cell<'a, M>],
    /// What is wrong with its form.
    pub fault: Option<String>,
}

/// What makes something of rows.
pub trait Reading {
    /// What a heading means.
    type Meaning: Copy;

    /// What a heading means, which comes in lower case and without anything but letters and digits.
    fn meaning(heading: &str) -> Option<Self::Meaning>;

    /// Whether two headings say the same, so that one is too many.
    fn is_same(one: Self::Meaning, other: Self::Meaning) -> bool;

    /// Headings that also hold the objects of advertising systems: `campaign` of `campaign.name`.
    const HOLDERS: &'static [&'static str];

    /// What is missing among the headings of a table.
    fn lacks(&self, found: &[Self::Meaning]) -> Option<String>;

    /// Headings that are known, for people.
    fn known() -> &'static str;

    /// A heading that means nothing here; an error for one that must not be.
    fn unread(&mut self, heading: &str, is_json: bool) -> Result<(), String>;

    /// Takes a row.
    fn row(&mut self, row: &Row<'_, Self::Meaning>);
}

/// Reads a file; `progress` is told from time to time how many octets are behind.
pub fn read<R: Reading>(
    octets: &[u8],
    format: Format,
    reading: &mut R,
    progress: &mut dyn FnMut(usize),
) -> Result<(), Unreadable> {
    if octets.len() > LARGEST {
        let is = octets.len().div_ceil(1024 * 1024);
        return Err(Unreadable::new(format!("is larger than 64 MiB ({is} MiB): split it into parts")));
    }
    let text = charset::decode(octets)?;
    if text.trim().is_empty() {
        return Err(Unreadable::new("is empty"));
    }
    match format {
        Format::Json | Format::JsonArray => objects::read(&text, format == Format::JsonArray, reading, progress),
        Format::Auto if text.trim_start().starts_with(['[', '{']) => objects::read(&text, false, reading, progress),
        Format::Auto | Format::Csv => table::read(&text, reading, progress),
    }
}

/// A heading as it is compared.
fn plain(heading: &str) -> String {
    heading.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A heading as it is shown, in quotes.
fn shown(heading: &str) -> String {
    let clean = crate::text::bounded(heading, 60).unwrap_or_default();
    format!("{clean:?}")
}
