-- What makes a message known lies in one place: the keys of its copies and its thread side by side, so that recording a
-- letter touches one page of this table where it touched three of two.

-- `message` is the Message-ID, as the first 16 octets of its SHA-256; empty where there is none or it was not noted.
-- `digest` is a dedupe key, cut to 16 octets; the row with an empty one says to which lead's thread answers belong.
CREATE TABLE known (
    message    BLOB    NOT NULL,
    digest     BLOB    NOT NULL,
    lead       INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (message, digest)
) STRICT, WITHOUT ROWID;

INSERT INTO known (message, digest, lead, expires_at)
SELECT x'', substr(dedupe.digest, 1, 16), lead.sequence, dedupe.expires_at
FROM dedupe JOIN lead ON lead.id = dedupe.lead_id ORDER BY dedupe.digest;

INSERT INTO known (message, digest, lead, expires_at)
SELECT message_id.digest, x'', lead.sequence, NULL
FROM message_id JOIN lead ON lead.id = message_id.lead_id ORDER BY message_id.digest;

DROP TABLE dedupe;
DROP TABLE message_id;

-- The first event of a lead has the lead's id and sequence; those of its corrections are found by this.
CREATE INDEX event_of_correction ON event (lead_id) WHERE id <> lead_id;
