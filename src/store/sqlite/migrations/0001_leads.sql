-- Times are milliseconds since 1970, enums small integers (`code` in the Rust types), JSON is text.

CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('event', 0);

-- What was pushed or will be: the bytes are written once and never change.
CREATE TABLE event (
    sequence   INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    lead_id    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    body       TEXT    NOT NULL
) STRICT;

-- One row per lead, under the sequence of its first event. The rest of the lead is that event's `data`;
-- `withheld` holds what privacy settings kept out of it.
CREATE TABLE lead (
    sequence        INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    received_at     INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    sender          TEXT,
    channel         TEXT,
    substitute      TEXT    NOT NULL,
    mailbox         TEXT,
    series_count    INTEGER NOT NULL,
    series_first_id TEXT,
    series_first_at INTEGER,
    withheld        TEXT
) STRICT;

CREATE INDEX lead_by_sender  ON lead (sender, sequence) WHERE sender IS NOT NULL;
CREATE INDEX lead_by_channel ON lead (channel, sequence);
CREATE INDEX lead_by_time    ON lead (received_at);

-- One message is one lead, however often and by whatever way it comes.
CREATE TABLE dedupe (
    digest     BLOB PRIMARY KEY,
    lead_id    TEXT NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- The outbox. A lease is a `next_at` in the future, written before the call.
CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    event       INTEGER NOT NULL REFERENCES event (sequence),
    sink        TEXT    NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    last_status INTEGER,
    last_error  TEXT
) STRICT;

CREATE INDEX delivery_due      ON delivery (sink, next_at) WHERE state = 0;
CREATE INDEX delivery_by_event ON delivery (event);

CREATE TABLE attempt (
    delivery    INTEGER NOT NULL REFERENCES delivery (id),
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    answer      TEXT,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
