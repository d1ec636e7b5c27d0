-- What reports count, computed from leads.db: it may be deleted at any time and is made anew then.

CREATE TABLE progress (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE text (
    id    INTEGER PRIMARY KEY,
    value TEXT NOT NULL UNIQUE
) STRICT;

-- Numbers of texts, 0 for none.
CREATE TABLE touchpoint (
    id           INTEGER PRIMARY KEY,
    channel      INTEGER NOT NULL,
    source       INTEGER NOT NULL,
    medium       INTEGER NOT NULL,
    campaign     INTEGER NOT NULL,
    term         INTEGER NOT NULL,
    content      INTEGER NOT NULL,
    landing_page INTEGER NOT NULL,
    referrer     INTEGER NOT NULL,
    is_direct    INTEGER NOT NULL,
    UNIQUE (channel, source, medium, campaign, term, content, landing_page, referrer)
) STRICT;

-- Facts of leads whose sequences are next to each other; times are those of the first and the last of them in time.
CREATE TABLE chunk (
    id       INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    facts    BLOB    NOT NULL
) STRICT;
