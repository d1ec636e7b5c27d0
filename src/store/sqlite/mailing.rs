//! Until which day each report by mail has told.

use rusqlite::Connection;

use super::{Store, engine};
use crate::{clock::Millis, store::StoreError};

impl Store {
    /// The last day that a report has told of; `None` if it was never looked at.
    pub fn mailed_until(&self, report: &str) -> Result<Option<String>, StoreError> {
        let found = self.list("SELECT until FROM mailing WHERE report = $1", &[&report], |row| row.get(0))?;
        Ok(found.into_iter().next())
    }

    /// Notes that a report has told of the days until this one.
    pub async fn note_mailing(&self, report: &str, until: &str, at: Millis) -> Result<(), StoreError> {
        let (report, until) = (report.to_owned(), until.to_owned());
        let work = move |conn: &Connection| {
            conn.execute(
                "INSERT INTO mailing (report, until, sent_at) VALUES ($1, $2, $3)
                 ON CONFLICT (report) DO UPDATE SET until = excluded.until, sent_at = excluded.sent_at",
                (report, until, at.0),
            )
            .map(drop)
            .map_err(engine("noting a report by mail"))
        };
        self.writer()?.write(work).await
    }
}
