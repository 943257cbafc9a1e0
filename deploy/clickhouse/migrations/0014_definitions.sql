-- By which definition of its indicator each figure was computed. Every statement may run twice.

ALTER TABLE indicator_live ADD COLUMN IF NOT EXISTS
    definition LowCardinality(String) COMMENT 'version and digest of the definition it was computed by' AFTER as_of;

-- A history under another definition has rows of its own: it grows beside the one that is shown, which is that of
-- the definition in indicator_live, and the former ones stay.
ALTER TABLE indicator_history
    ADD COLUMN IF NOT EXISTS definition LowCardinality(String) COMMENT 'version and digest of the definition' AFTER day,
    MODIFY ORDER BY (indicator, division, day, definition);

-- Which definition of an indicator held from when on: its newest row up to a moment.
CREATE TABLE IF NOT EXISTS indicator_definition
(
    indicator   LowCardinality(String),
    definition  String COMMENT 'version and digest',
    declaration String COMMENT 'JSON, as schemas/declaration.py reads it',
    since       DateTime64(6, 'UTC') COMMENT 'when figures began to be computed by it, by the clock that records are received by'
)
ENGINE = MergeTree ORDER BY (indicator, since);

-- Rebuilds of the figures: `asked` by an operator, `shown` once the tables hold all of it.
CREATE TABLE IF NOT EXISTS rebuild
(
    id   UUID,
    said LowCardinality(String) COMMENT 'asked, shown',
    by   String COMMENT 'who asked, or the keeper that did it',
    at   DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY (id, at);
