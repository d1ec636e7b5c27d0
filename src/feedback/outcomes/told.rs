//! One row of an outcome file: what became of which lead.

use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use super::{
    super::{
        sheet::{Cell, Row, Sort},
        value,
    },
    heading::Field,
};
use crate::{
    address::Address,
    clock::{Day, Millis},
    config::Normalize,
    intake::{message_digest, sender_key},
    money::{Amount, Currency},
    outcome::{Outcome, OutcomeStatus},
    store::{LeadRef, NewOutcome},
};

/// Characters of an id of another system at most; half an id is none.
const LONGEST: usize = 255;

/// How far a clock may be ahead of ours.
const AHEAD: i64 = 86_400_000;

/// The beginning of 2000.
const OLDEST: Millis = Millis(946_684_800_000);

/// What rows are read by.
pub(super) struct Terms {
    /// The system of rows that name none.
    pub(super) system: String,
    /// The currency of amounts that have none.
    pub(super) currency: Currency,
    /// The zone of days.
    pub(super) zone: TimeZone,
    /// Which spellings of an address are one sender.
    pub(super) normalize: Normalize,
    /// When the import began.
    pub(super) now: Millis,
}

/// When something happened.
struct Moment {
    at: Millis,
    /// The first moment behind it; of a day, the beginning of the next.
    before: Millis,
}

type Cells<'r, 'a> = &'r Row<'a, Field>;

/// Reads a row.
pub(super) fn read(row: Cells<'_, '_>, terms: &Terms) -> Result<NewOutcome, String> {
    if let Some(fault) = &row.fault {
        return Err(fault.clone());
    }
    let system = match cell(row, Field::System) {
        Some(cell) => value::name(string(cell)?).map_err(|e| format!("system {e}"))?,
        None => terms.system.clone(),
    };
    let status = status(row)?;
    let amount = amount(row, status)?;
    let currency = match cell(row, Field::Currency) {
        Some(cell) => string(cell)?.parse().map_err(|e| format!("{} {e}", value::quoted(&cell.text)))?,
        None => terms.currency,
    };
    let moment = cell(row, Field::OccurredAt).map(|cell| moment(string(cell)?, terms)).transpose()?;
    let is_undated = moment.is_none();
    let Moment { at, before } = moment.unwrap_or(Moment { at: terms.now, before: Millis(terms.now.0 + 1) });
    let outcome = Outcome {
        deal_id: id(row, Field::DealId)?.unwrap_or_default(),
        status,
        stage: cell(row, Field::Stage).map(|cell| string(cell).map(value::text)).transpose()?,
        amount,
        currency: amount.map(|_| currency),
        occurred_at: at,
        system,
    };
    Ok(NewOutcome { line: row.line, lead: lead(row, &outcome.system, terms)?, outcome, is_undated, before })
}

fn cell<'r, 'a>(row: Cells<'r, 'a>, field: Field) -> Option<&'r Cell<'a, Field>> {
    row.cells.iter().find(|cell| cell.meaning == field)
}

/// A string, or a cell.
fn string<'r>(cell: &'r Cell<'_, Field>) -> Result<&'r str, String> {
    match cell.sort {
        Sort::Cell(_) | Sort::Text => Ok(&cell.text),
        Sort::Number | Sort::Truth => Err(format!("{} is no string", cell.meaning.name())),
    }
}

/// An id of another system, which is often written as a number.
fn id(row: Cells<'_, '_>, field: Field) -> Result<Option<String>, String> {
    let Some(cell) = cell(row, field) else { return Ok(None) };
    if cell.sort == Sort::Number {
        let id = value::count(&cell.text, cell.sort).map_err(|e| format!("{} {e}", field.name()))?;
        return Ok(Some(id.to_string()));
    }
    let text = string(cell)?;
    let id = value::text(text);
    if id.is_empty() || id.chars().count() > LONGEST || text.chars().count() > LONGEST {
        return Err(format!("{} is no id of 1 to {LONGEST} characters", field.name()));
    }
    Ok(Some(id))
}

fn lead(row: Cells<'_, '_>, system: &str, terms: &Terms) -> Result<LeadRef, String> {
    let text = |field| cell(row, field).map(string).transpose();
    let sender = match text(Field::Sender)? {
        Some(text) => {
            let address = Address::parse(text).ok_or_else(|| format!("{} is no mail address", value::quoted(text)))?;
            Some(sender_key(&address, terms.normalize))
        }
        None => None,
    };
    let external_id = id(row, Field::ExternalId)?;
    if external_id.is_some() && system.is_empty() {
        return Err("external_id needs a system that it is of".to_owned());
    }
    let lead = LeadRef {
        lead_id: text(Field::LeadId)?.map(str::to_owned),
        message_id: text(Field::MessageId)?.map(message_digest),
        external_id,
        sender_key: sender,
    };
    if lead == LeadRef::default() {
        return Err("names no lead: by lead_id, message_id, external_id with system, or sender".to_owned());
    }
    Ok(lead)
}

fn status(row: Cells<'_, '_>) -> Result<OutcomeStatus, String> {
    let cell = cell(row, Field::Status).ok_or("names no status")?;
    let text = string(cell)?;
    // A person writes In progress; a program has the word from us.
    let written = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let name = if cell.sort == Sort::Text { text.to_owned() } else { written(text) };
    name.parse().map_err(|_| {
        let known = OutcomeStatus::ALL.map(OutcomeStatus::as_str).join(", ");
        format!("{} is no status: known are {known}", value::quoted(text))
    })
}

fn amount(row: Cells<'_, '_>, status: OutcomeStatus) -> Result<Option<Amount>, String> {
    let Some(cell) = cell(row, Field::Amount) else {
        return if status == OutcomeStatus::Refund {
            Err("is a refund without an amount".to_owned())
        } else {
            Ok(None)
        };
    };
    if cell.sort == Sort::Truth {
        return Err("amount is no amount".to_owned());
    }
    let amount = value::amount(&cell.text, cell.sort)?;
    if amount.0 < 0 && !matches!(status, OutcomeStatus::Won | OutcomeStatus::Refund) {
        return Err(format!("{amount} is below zero, which only won and refund may be"));
    }
    Ok(Some(amount))
}

/// A moment with its offset, or a day or a time of the config's zone.
fn moment(text: &str, terms: &Terms) -> Result<Moment, String> {
    let wrong = || format!("{} is no time: write 2026-11-22T04:26:10Z or 2026-11-22", value::quoted(text));
    let local = |at: DateTime| -> Option<Millis> {
        let zoned = at.to_zoned(terms.zone.clone()).ok()?;
        Some(Millis(zoned.timestamp().as_millisecond()))
    };
    let midnight = |day: Day| local(day.date().to_datetime(Time::midnight()));
    let moment = if let Ok(stamp) = text.parse::<Timestamp>() {
        let at = Millis(stamp.as_millisecond());
        Moment { at, before: Millis(at.0.saturating_add(1)) }
    } else if text.contains(':') {
        let at = text.parse().ok().and_then(local).ok_or_else(wrong)?;
        Moment { at, before: Millis(at.0.saturating_add(1)) }
    } else {
        let day = value::day(text)?;
        let (at, before) = (midnight(day).ok_or_else(wrong)?, midnight(Day(day.0 + 1)).ok_or_else(wrong)?);
        Moment { at, before }
    };
    let is_old = moment.at < OLDEST;
    if is_old || moment.at.0 > terms.now.0.saturating_add(AHEAD) {
        let when = if is_old { "not in this century" } else { "in the future" };
        return Err(format!("{} is {when}", value::quoted(text)));
    }
    Ok(moment)
}
