-- Pushes that were refused as a whole: with table receipt the audit of all pushes. Every statement may run twice.

-- A row is equal refusals of one ingest within a minute (longer while the broker is away). It may be written again.
CREATE TABLE IF NOT EXISTS refused_push
(
    id         UUID,
    agency     LowCardinality(String) COMMENT 'whose key it was, even if it had ended; empty if unknown',
    key        LowCardinality(String) COMMENT 'id of that key; empty if unknown',
    method     LowCardinality(String),
    stream     String COMMENT 'as named in the path; empty for events',
    status     UInt16,
    code       LowCardinality(String),
    remote     String COMMENT 'address they came from',
    user_agent String,
    pushes     UInt64,
    bytes      UInt64 COMMENT 'of their bodies, as far as they declared a length',
    first_at   DateTime64(6, 'UTC'),
    last_at    DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(last_at) ORDER BY (last_at, id);
