-- Hours that are over, packed; a row of tally is what has been counted of one since.
CREATE TABLE tally_hour (
    hour  INTEGER PRIMARY KEY,
    cells BLOB    NOT NULL
) STRICT;
