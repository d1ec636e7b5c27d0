-- What comes back: costs and outcomes. Money is a whole number of millionths.

-- One row per day and place of spending: a report that is read again replaces its rows. `day` is counted from 1970;
-- absent texts are empty, so that the key has no nulls.
CREATE TABLE cost (
    day         INTEGER NOT NULL,
    provider    TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    medium      TEXT    NOT NULL,
    campaign    TEXT    NOT NULL,
    term        TEXT    NOT NULL,
    content     TEXT    NOT NULL,
    campaign_id TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    has_vat     INTEGER,
    clicks      INTEGER,
    impressions INTEGER,
    imported_at INTEGER NOT NULL,
    PRIMARY KEY (day, provider, channel, source, medium, campaign, term, content, campaign_id)
) STRICT, WITHOUT ROWID;

-- The same outcome told twice is one row. `system` and `deal_id` are empty where none is told.
CREATE TABLE outcome (
    id          INTEGER PRIMARY KEY,
    lead        INTEGER NOT NULL REFERENCES lead (sequence),
    system      TEXT    NOT NULL,
    deal_id     TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    stage       TEXT,
    amount      INTEGER,
    currency    TEXT,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (lead, system, deal_id, status, occurred_at)
) STRICT;

-- Ids that other systems know a lead by.
CREATE TABLE external_id (
    system TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    lead   INTEGER NOT NULL REFERENCES lead (sequence),
    PRIMARY KEY (system, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX external_id_of_lead ON external_id (lead);

-- Leads of which something that reports count has changed since they were recorded, in order: what the reports read
-- before is looked up again. New leads are known by their sequence.
CREATE TABLE lead_change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    lead   INTEGER NOT NULL
) STRICT;

CREATE TRIGGER lead_updated AFTER UPDATE OF kind, in_series, series_first_id, thread ON lead
WHEN old.kind <> new.kind OR old.in_series <> new.in_series OR old.thread IS NOT new.thread
    OR (old.series_first_id IS NULL) <> (new.series_first_id IS NULL)
BEGIN INSERT INTO lead_change (lead) VALUES (new.sequence); END;

CREATE TRIGGER lead_deleted AFTER DELETE ON lead
BEGIN INSERT INTO lead_change (lead) VALUES (old.sequence); END;

CREATE TRIGGER outcome_inserted AFTER INSERT ON outcome
BEGIN INSERT INTO lead_change (lead) VALUES (new.lead); END;

CREATE TRIGGER outcome_updated AFTER UPDATE ON outcome
BEGIN INSERT INTO lead_change (lead) VALUES (new.lead); END;

CREATE TRIGGER outcome_deleted AFTER DELETE ON outcome
BEGIN INSERT INTO lead_change (lead) VALUES (old.lead); END;
