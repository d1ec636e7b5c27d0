-- The visitor that a dynamic address names, by the number of their first visit.

ALTER TABLE lead ADD COLUMN visitor INTEGER;

CREATE INDEX lead_by_visitor ON lead (visitor, sequence) WHERE visitor IS NOT NULL;
