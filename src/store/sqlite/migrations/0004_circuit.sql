-- What a sink has left for the next attempt, and sinks that are not called as usual.

-- Attempts that its schedule does not count: probes, and calls that went well but are not the last.
ALTER TABLE delivery ADD COLUMN spared INTEGER NOT NULL DEFAULT 0;
-- Whether an attempt may have arrived although no answer told so; true while one is under way.
ALTER TABLE delivery ADD COLUMN doubt  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN note   TEXT;

-- A sink without a row is called as usual.
CREATE TABLE circuit (
    sink     TEXT PRIMARY KEY,
    state    INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    probe_at INTEGER,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
