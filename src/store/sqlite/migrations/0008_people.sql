-- People who may log in to the dashboard, their sessions, and who saw and changed what.

-- `password` is a PHC string (Argon2id), null for whom a trusted proxy vouches.
CREATE TABLE person (
    name       TEXT PRIMARY KEY,
    role       TEXT    NOT NULL,
    password   TEXT,
    language   TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `digest` is the SHA-256 of what the cookie says.
CREATE TABLE session (
    digest     BLOB PRIMARY KEY,
    person     TEXT    NOT NULL REFERENCES person (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_person ON session (person);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    did     TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    details TEXT
) STRICT;

CREATE INDEX audit_by_time ON audit (at);

-- Listings of what is seldom: other kinds than leads, and deliveries that were given up.
CREATE INDEX lead_by_kind  ON lead (kind, sequence) WHERE kind <> 0;
CREATE INDEX delivery_dead ON delivery (sink, id) WHERE state = 2;
