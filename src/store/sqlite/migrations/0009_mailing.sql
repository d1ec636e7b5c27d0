-- Reports by mail: the last day that each has told of, such as 2026-11-22, and when that was sent.
CREATE TABLE mailing (
    report  TEXT PRIMARY KEY,
    until   TEXT    NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
