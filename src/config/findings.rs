//! Collects what is found wrong in one config file, until all of it has been looked at.
//!
//! Given keys, spans of the text and [`Wrong`]s; gives back faults and warnings with key path and line, in the order of
//! the file. A value is reported once: whoever finds the first fault of it wins, so that a wrong type is not also
//! called an empty list. Finding a line is a binary search, since a file may hold 100,000 addresses.

use std::{collections::HashSet, fmt, ops::Range, path::Path, sync::Arc};

use super::{
    fault::{Fault, Wrong},
    file::{Number, Text},
};

/// Where a value stands in the text, in bytes.
pub(super) type Span = Range<usize>;

/// A key path, written out only where something is wrong.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    /// The file itself.
    Root,
    /// `milter.listen`
    Name(&'k Key<'k>, &'k str),
    /// `channel[2]`
    Item(&'k Key<'k>, usize),
}

impl Key<'_> {
    /// The key `name` of this table.
    pub(super) fn name<'k>(&'k self, name: &'k str) -> Key<'k> {
        Key::Name(self, name)
    }

    /// The element `index` of this list.
    pub(super) fn item(&self, index: usize) -> Key<'_> {
        Key::Item(self, index)
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Name(parent, name) => {
                write!(f, "{parent}")?;
                if !matches!(parent, Key::Root) {
                    f.write_str(".")?;
                }
                let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                if !name.is_empty() && name.bytes().all(bare) { f.write_str(name) } else { write!(f, "{name:?}") }
            }
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What was found so far.
pub(super) struct Findings {
    file: Arc<Path>,
    /// Offsets of the line ends.
    line_ends: Vec<usize>,
    faults: Vec<(Option<usize>, Fault)>,
    warnings: Vec<(Option<usize>, Fault)>,
    seen: HashSet<(Option<usize>, String)>,
}

impl Findings {
    /// Nothing found yet in `text`, which was read from `file`.
    pub(super) fn new(file: &Path, text: &str) -> Self {
        let line_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        Self { file: file.into(), line_ends, faults: Vec::new(), warnings: Vec::new(), seen: HashSet::new() }
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, span: &Span) -> usize {
        self.line_ends.partition_point(|end| *end < span.start) + 1
    }

    /// Notes a fault of `key`; without a span, of a key that the file leaves out.
    pub(super) fn fault(&mut self, key: &Key<'_>, span: Option<&Span>, wrong: Wrong) {
        let at = span.map(|span| span.start);
        let fault = self.found(key, span, wrong);
        if self.seen.insert((at, fault.key.clone())) {
            self.faults.push((at, fault));
        }
    }

    /// Notes something that loads, and is rarely meant.
    pub(super) fn warn(&mut self, key: &Key<'_>, span: Option<&Span>, wrong: Wrong) {
        let warning = self.found(key, span, wrong);
        self.warnings.push((span.map(|span| span.start), warning));
    }

    fn found(&self, key: &Key<'_>, span: Option<&Span>, wrong: Wrong) -> Fault {
        let Wrong { what, remedy } = wrong;
        let line = span.map(|span| self.line(span));
        Fault { file: Arc::clone(&self.file), line, key: key.to_string(), what, remedy }
    }

    /// The value of a key, if the file has it and `read` accepts it.
    pub(super) fn read<T>(
        &mut self,
        key: &Key<'_>,
        given: Option<&Text>,
        read: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let given = given?;
        read(given.get_ref()).map_err(|wrong| self.fault(key, Some(&given.span()), wrong)).ok()
    }

    /// The number of a key, if the file has it and it is one of `allowed`.
    pub(super) fn number(&mut self, key: &Key<'_>, given: Option<&Number>, allowed: Range<u64>) -> Option<usize> {
        let given = given?;
        let number = *given.get_ref();
        if !allowed.contains(&number) {
            let remedy = format!("write a number from {} to {}", allowed.start, allowed.end.saturating_sub(1));
            self.fault(key, Some(&given.span()), Wrong::new(format!("{number} is out of range"), remedy));
            return None;
        }
        usize::try_from(number).ok()
    }

    /// Whether a fault was noted, at any key.
    pub(super) fn any_fault(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether a fault of exactly this key was noted.
    pub(super) fn has(&self, key: &Key<'_>) -> bool {
        let key = key.to_string();
        self.faults.iter().any(|(_, fault)| fault.key == key)
    }

    /// Whether a fault of a key of this table was noted.
    pub(super) fn has_below(&self, key: &Key<'_>) -> bool {
        let table = format!("{key}.");
        self.faults.iter().any(|(_, fault)| fault.key.starts_with(&table))
    }

    /// Faults and warnings, both in the order of the file.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Fault>) {
        (in_order(self.faults), in_order(self.warnings))
    }
}

fn in_order(mut found: Vec<(Option<usize>, Fault)>) -> Vec<Fault> {
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_as_a_path() {
        let list = Key::Root.name("channel");
        let channel = list.item(2);
        let addresses = channel.name("addresses");
        assert_eq!(addresses.item(0).to_string(), "channel[2].addresses[0]");
        assert_eq!(channel.name("a b").to_string(), "channel[2].\"a b\"");
    }

    #[test]
    fn lines_count_from_one_and_end_with_their_line_end() {
        let findings = Findings::new(Path::new("c"), "a\nbc\n\nd");
        let lines: Vec<usize> = (0..8).map(|at| findings.line(&(at..at))).collect();
        assert_eq!(lines, [1, 1, 2, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn a_value_is_reported_once_and_in_the_order_of_the_file() {
        let mut findings = Findings::new(Path::new("c"), "a\nb\n");
        let key = Key::Root.name("b");
        findings.fault(&key, Some(&(2..3)), Wrong::new("first", ""));
        findings.fault(&key, Some(&(2..3)), Wrong::new("second", ""));
        findings.fault(&Key::Root.name("a"), Some(&(0..1)), Wrong::new("third", ""));
        findings.fault(&Key::Root.name("c"), None, Wrong::new("fourth", ""));
        let whats: Vec<String> = findings.finish().0.into_iter().map(|fault| fault.what).collect();
        assert_eq!(whats, ["fourth", "third", "first"]);
    }
}
