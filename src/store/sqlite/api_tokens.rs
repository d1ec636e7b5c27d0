//! Tokens of the HTTP API: made and revoked at the command line, looked up by the admin door.

use std::time::Duration;

use rusqlite::{Connection, Row};

use super::{Store, engine};
use crate::{
    clock::Millis,
    store::{ApiToken, StoreError, TokenDigest},
};

const DOING: &str = "keeping a token of the API";

/// How far `last_used_at` may lag behind: a write for every request would be a sync for every request.
const LAG: Duration = Duration::from_secs(60);

const COLUMNS: &str = "id, name, scopes, created_at, expires_at, last_used_at";

impl Store {
    /// Keeps a new token.
    pub async fn add_api_token(&self, token: ApiToken, digest: TokenDigest) -> Result<(), StoreError> {
        let work = move |conn: &Connection| {
            let ApiToken { id, name, scopes, created_at, expires_at, last_used_at } = token;
            let scopes: Vec<_> = scopes.into_iter().map(|scope| scope.as_str()).collect();
            conn.execute(
                "INSERT INTO api_token (id, digest, name, scopes, created_at, expires_at, last_used_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                (
                    id,
                    digest.octets(),
                    name,
                    scopes.join(" "),
                    created_at.0,
                    expires_at.map(|at| at.0),
                    last_used_at.map(|at| at.0),
                ),
            )
            .map(drop)
            .map_err(engine(DOING))
        };
        self.writer()?.write(work).await
    }

    /// The token that a client shows, expired or not; `None` if there is none.
    pub fn api_token(&self, digest: &TokenDigest) -> Result<Option<ApiToken>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, digest FROM api_token WHERE id = $1");
        let found = self.list(&sql, &[&digest.id()], |row| Ok((token(row)?, row.get::<_, Vec<u8>>(6)?)))?;
        Ok(found.into_iter().find(|(_, stored)| digest.is(stored)).map(|(token, _)| token))
    }

    /// Every token, the oldest first.
    pub fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.list(&format!("SELECT {COLUMNS} FROM api_token ORDER BY created_at, id"), &[], token)
    }

    /// Forgets a token; false if there is none of this id.
    pub async fn revoke_api_token(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let work = move |conn: &Connection| {
            conn.execute("DELETE FROM api_token WHERE id = $1", [id]).map(|rows| rows > 0).map_err(engine(DOING))
        };
        self.writer()?.write(work).await
    }

    /// Notes that a token was shown, at most once a minute.
    pub async fn note_api_token(&self, token: &ApiToken, at: Millis) -> Result<(), StoreError> {
        if token.last_used_at.is_some_and(|last| at < last.plus(LAG)) {
            return Ok(());
        }
        let id = token.id.clone();
        let work = move |conn: &Connection| {
            conn.execute("UPDATE api_token SET last_used_at = $1 WHERE id = $2", (at.0, id))
                .map(drop)
                .map_err(engine(DOING))
        };
        self.writer()?.write(work).await
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    let scopes: String = row.get(2)?;
    Ok(ApiToken {
        id: row.get(0)?,
        name: row.get(1)?,
        // A scope that a later version gave away is none here.
        scopes: scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
        created_at: Millis(row.get(3)?),
        expires_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        last_used_at: row.get::<_, Option<i64>>(5)?.map(Millis),
    })
}
