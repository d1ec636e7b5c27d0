-- Numbers of visits are given out in blocks, each written and synced before its first number is used: none comes twice,
-- and of a visit that is gone the time is known from its block.
CREATE TABLE lease (
    first INTEGER PRIMARY KEY,
    until INTEGER NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

-- How visits came: a few thousand ways stand for millions of visits. `digest` is over all that follows it; `last_day` is
-- the day of the last visit, counted from 1970.
CREATE TABLE touchpoint (
    id           INTEGER PRIMARY KEY,
    digest       BLOB NOT NULL UNIQUE,
    last_day     INTEGER NOT NULL,
    channel      TEXT,
    source       TEXT NOT NULL,
    medium       TEXT NOT NULL,
    campaign     TEXT NOT NULL,
    term         TEXT NOT NULL,
    content      TEXT NOT NULL,
    landing_page TEXT,
    referrer     TEXT
) STRICT;

-- `key` tells under which key the token was made. `visitor` is the number of the visitor's first visit, null in that one.
-- An address that was ordered is shown to nobody in particular.
-- `details` are JSON, null once the visit is old.
CREATE TABLE visit (
    id         INTEGER PRIMARY KEY,
    key        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    touchpoint INTEGER NOT NULL,
    visitor    INTEGER,
    ordered    INTEGER NOT NULL DEFAULT 0,
    details    TEXT,
    clicks     INTEGER NOT NULL DEFAULT 0,
    clicked_at INTEGER
) STRICT;

CREATE INDEX visit_of_visitor ON visit (visitor, id) WHERE visitor IS NOT NULL;

-- How far old visits have been seen to.
CREATE TABLE progress (
    name TEXT PRIMARY KEY,
    id   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
