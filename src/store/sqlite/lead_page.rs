//! Pages of leads. Each is found by an index from where the page before ended, however many leads there are.

use rusqlite::Row;

use super::{
    Store,
    read::{Where, listed},
    standing::{SELECT, stored},
};
use crate::{
    clock::Millis,
    lead::Kind,
    store::{AddressTally, LeadPage, LeadQuery, Order, StoreError},
};

impl Store {
    /// A page of leads.
    pub fn lead_page(&self, query: &LeadQuery) -> Result<LeadPage, StoreError> {
        let Some((first, last)) = self.span(query.since, query.until)? else { return Ok(LeadPage::default()) };
        let (since, until) = (query.since.map(|at| at.0), query.until.map(|at| at.0));
        let (kind, own_only) = (query.kind.map(Kind::code), query.own_only.then_some(1));
        let (order, beyond) = match query.order {
            Order::Newest => ("DESC", "lead.sequence <"),
            Order::Oldest => ("ASC", "lead.sequence >"),
        };
        // A parameter alone would not find the index, which has other kinds than leads only.
        let of_kind = if query.kind == Some(Kind::Lead) { "lead.kind =" } else { "lead.kind <> 0 AND lead.kind =" };
        let where_ = Where::new()
            .and("lead.sequence >=", &first)
            .and("lead.sequence <=", &last)
            .and("lead.channel =", &query.channel)
            .and("instr(lead.sender, $$) > 0", &query.sender)
            .and(of_kind, &kind)
            .and("lead.thread IS NULL AND 1 =", &own_only)
            .and("lead.received_at >=", &since)
            .and("lead.received_at <", &until)
            .and(beyond, &query.beyond);
        let limit = query.limit.saturating_add(1);
        let sql = format!("{SELECT}{} ORDER BY lead.sequence {order} LIMIT {limit}", where_.sql);
        let mut rows = self.list(&sql, &where_.values, stored)?;
        let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > wanted;
        rows.truncate(wanted);
        let beyond = rows.last().map(|last| last.sequence).filter(|_| has_more);
        let leads = rows.into_iter().map(listed).collect::<Result<_, _>>()?;
        Ok(LeadPage { leads, beyond })
    }

    /// First and last place of what was received in a period, each `None` where the period is open; `None` for an empty one.
    /// Letters that were ingested later stand behind those that came meanwhile.
    fn span(&self, since: Option<Millis>, until: Option<Millis>) -> Result<Option<Span>, StoreError> {
        if since.is_none() && until.is_none() {
            return Ok(Some((None, None)));
        }
        let (since, until) = (since.map_or(i64::MIN, |at| at.0), until.map_or(i64::MAX, |at| at.0));
        let sql = "SELECT min(sequence), max(sequence) FROM lead WHERE received_at >= $1 AND received_at < $2";
        let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?));
        let found = self.list(sql, &[&since, &until], read)?;
        Ok(found.into_iter().next().filter(|(first, _)| first.is_some()))
    }

    /// What came to an address.
    pub fn address_tally(&self, address: &str) -> Result<AddressTally, StoreError> {
        let sql = "SELECT count(*), max(received_at) FROM lead WHERE substitute = $1 AND kind = 0 AND thread IS NULL";
        let read =
            |row: &Row<'_>| Ok(AddressTally { leads: row.get(0)?, last_at: row.get::<_, Option<i64>>(1)?.map(Millis) });
        Ok(self.list(sql, &[&address], read)?.into_iter().next().unwrap_or_default())
    }
}

type Span = (Option<i64>, Option<i64>);
