-- Tokens of the HTTP API. Only what a token hashes to is kept, so that a copy of the store opens nothing.

-- `digest` is the SHA-256 of the token, `id` its first 16 hexadecimal digits; `scopes` have a blank between each two.
CREATE TABLE api_token (
    id           TEXT PRIMARY KEY,
    digest       BLOB    NOT NULL,
    name         TEXT,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
