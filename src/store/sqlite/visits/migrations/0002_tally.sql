-- Visits and those of them with a click, by quarter of an hour and touchpoint: reports count these few rows instead of
-- millions of visits. Ordered addresses were shown to nobody in particular.
CREATE TABLE tally (
    quarter    INTEGER NOT NULL,
    touchpoint INTEGER NOT NULL,
    visits     INTEGER NOT NULL,
    clicks     INTEGER NOT NULL,
    PRIMARY KEY (quarter, touchpoint)
) STRICT, WITHOUT ROWID;

INSERT INTO tally (quarter, touchpoint, visits, clicks)
SELECT at / 900000, touchpoint, count(*), sum(clicks > 0) FROM visit WHERE ordered = 0 GROUP BY at / 900000, touchpoint;
