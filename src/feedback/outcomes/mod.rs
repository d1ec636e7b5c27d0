//! Outcomes: what files and programs say became of leads.
//!
//! [`read`] makes rows of a file or a request into outcomes and touches no store; [`record`] finds their leads and writes
//! them, all or none. The same outcome told again is no news, so whatever sends them may send them as often as it likes.

mod heading;
mod told;

use std::{collections::BTreeSet, sync::Arc};

use jiff::tz::TimeZone;

use self::{heading::Field, told::Terms};
use super::{
    Format, Refusals, Unreadable,
    sheet::{self, Reading, Row},
    value,
};
use crate::{
    clock::Millis,
    config::Config,
    intake::Intake,
    lead::limit,
    money::Currency,
    store::{AuditEntry, Commit, NewOutcome, NewOutcomes, OutcomesRecorded, Store, StoreError},
    text::bounded,
};

/// Outcomes of one import at most: letters wait while they are recorded.
pub const MOST: usize = 20_000;

/// Headings that nobody reads are named up to so many.
const UNREAD: usize = 100;

/// What is said of outcomes beside what stands in their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The form of the file.
    pub format: Format,
    /// The system of rows that name none.
    pub system: Option<String>,
    /// The currency of amounts that have none; the one that reports count in if not said.
    pub currency: Option<Currency>,
}

impl Options {
    /// With the system of rows that name none.
    pub fn of_system(self, name: &str) -> Result<Self, String> {
        Ok(Self { system: Some(value::name(name)?), ..self })
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Rows of the file, whether they can be used or not.
    pub read: u64,
    /// Outcomes, in the order of the file.
    pub outcomes: Vec<NewOutcome>,
    /// What cannot be used; as long as there is something, nothing is recorded.
    pub refused: Refusals,
    /// Headings that nobody reads.
    pub unread: Vec<String>,
}

/// Who brings outcomes in, and from where, for the audit log.
#[derive(Clone, Debug)]
pub struct Bringer<'a> {
    /// `token:ID`, `cli:USER` or `webhook`.
    pub who: String,
    /// Names of files, or what else there is.
    pub what: &'a str,
}

/// Reads a file. `progress` is told from time to time how many octets are behind.
pub fn read(
    octets: &[u8],
    options: &Options,
    config: &Config,
    progress: &mut dyn FnMut(usize),
) -> Result<Told, Unreadable> {
    let terms = Terms {
        system: options.system.clone().unwrap_or_default(),
        currency: options.currency.unwrap_or(config.reports.currency),
        zone: TimeZone::get(&config.timezone).unwrap_or(TimeZone::UTC),
        normalize: config.leads.normalize,
        now: Millis::now(),
    };
    let mut reader = Reader { terms, told: Told::default(), unread: BTreeSet::new() };
    sheet::read(octets, options.format, &mut reader, progress)?;
    let Reader { mut told, unread, .. } = reader;
    if told.outcomes.len() > MOST {
        return Err(Unreadable::new(format!("holds more than {MOST} outcomes: split it into parts")));
    }
    told.unread = unread.into_iter().collect();
    Ok(told)
}

/// Records outcomes, all of them or none; or says of which rows the lead is not known.
pub async fn record(
    store: &Store,
    intake: &Intake,
    outcomes: Vec<NewOutcome>,
    bringer: Bringer<'_>,
    commit: Commit,
) -> Result<Result<OutcomesRecorded, Refusals>, StoreError> {
    let rows = outcomes.len();
    let noted = AuditEntry {
        at: Millis::now(),
        who: bringer.who,
        did: "outcomes.imported".to_owned(),
        what: bounded(bringer.what, limit::TEXT).unwrap_or_default(),
        details: Some(format!("{rows} outcome{}", if rows == 1 { "" } else { "s" })),
    };
    let new = NewOutcomes {
        outcomes,
        counting: intake.counting(),
        host: intake.config.hostname.clone(),
        subscribers: Arc::clone(&intake.subscribers),
        noted,
        commit,
    };
    let recorded = store.record_outcomes(new).await?;
    Ok(recorded.map_err(|refused| {
        let mut refusals = Refusals::default();
        refused.into_iter().for_each(|of| refusals.add(of.line, of.detail));
        refusals
    }))
}

struct Reader {
    terms: Terms,
    told: Told,
    unread: BTreeSet<String>,
}

impl Reading for Reader {
    type Meaning = Field;

    const HOLDERS: &'static [&'static str] = &[];

    fn meaning(heading: &str) -> Option<Field> {
        heading::meaning(heading)
    }

    fn is_same(one: Field, other: Field) -> bool {
        one == other
    }

    fn lacks(&self, found: &[Field]) -> Option<String> {
        match (found.contains(&Field::Status), found.iter().any(|field| field.names_lead())) {
            (true, true) => None,
            (true, false) => Some("no column says of which lead an outcome is".to_owned()),
            (false, _) => Some("no column says what became of a lead".to_owned()),
        }
    }

    fn known() -> &'static str {
        heading::KNOWN
    }

    /// A slip in a key would lose an amount, and programs do not read what we say of it. Listings have one key more.
    fn unread(&mut self, heading: &str, is_json: bool) -> Result<(), String> {
        if heading == "recorded_at" {
            return Ok(());
        }
        if is_json {
            return Err(format!("{} is no key that is known: {}", value::quoted(heading), heading::KNOWN));
        }
        if self.unread.len() < UNREAD {
            self.unread.insert(value::text(heading));
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_, Field>) {
        self.told.read += 1;
        match told::read(row, &self.terms) {
            Ok(outcome) if self.told.outcomes.len() <= MOST => self.told.outcomes.push(outcome),
            Ok(_) => {}
            Err(why) => self.told.refused.add(row.line, why),
        }
    }
}

#[cfg(test)]
mod tests;
