-- Kinds beside leads, threads, and addresses that were harvested.

ALTER TABLE lead ADD COLUMN kind_reason   TEXT;
ALTER TABLE lead ADD COLUMN sender_key    TEXT;
ALTER TABLE lead ADD COLUMN sender_domain TEXT;
-- Whether the lead counts: starts or continues its sender's series.
ALTER TABLE lead ADD COLUMN in_series     INTEGER NOT NULL DEFAULT 1;
-- The lead whose thread this letter belongs to; null for a lead of its own.
ALTER TABLE lead ADD COLUMN thread        TEXT;

UPDATE lead SET sender_key = sender, sender_domain = substr(sender, instr(sender, '@') + 1);

DROP INDEX lead_by_sender;
CREATE INDEX lead_by_series     ON lead (sender_key, sequence) WHERE in_series = 1;
CREATE INDEX lead_by_substitute ON lead (substitute, received_at, kind, sender_domain, thread);

-- Message-IDs of every recorded letter, as the first 16 octets of their SHA-256.
CREATE TABLE message_id (
    digest  BLOB PRIMARY KEY,
    lead_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of an address beside the config: leaked, or trusted by an administrator whatever comes.
CREATE TABLE address (
    address TEXT PRIMARY KEY,
    state   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    reason  TEXT
) STRICT, WITHOUT ROWID;

-- Senders that wrote to a canary.
CREATE TABLE harvester (
    sender TEXT PRIMARY KEY,
    canary TEXT NOT NULL,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
