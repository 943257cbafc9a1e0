-- Receipts: every push, and what became of its records. Every statement may run twice.

-- One row a push: the audit. The receipt of a feed is written with every part: the fullest is the one that holds.
CREATE TABLE IF NOT EXISTS receipt
(
    receipt     String,
    agency      LowCardinality(String),
    stream      LowCardinality(String) COMMENT 'empty for events, which may be of several',
    kind        LowCardinality(String) COMMENT 'http, file or feed',
    received_at DateTime64(6, 'UTC'),
    remote      String COMMENT 'address it came from',
    user_agent  String,
    received    UInt32 COMMENT '= accepted + duplicate + rejected',
    accepted    UInt32,
    duplicate   UInt32,
    rejected    UInt32,
    faults      String COMMENT 'JSON: the first refused records'
)
ENGINE = ReplacingMergeTree(received) PARTITION BY toYYYYMM(received_at) ORDER BY receipt;

-- What became of the accepted records of a push, by the block that found it out. All are named, because a broker
-- that delivers twice, or a journal that is replayed, brings them again in another block: each counts once, and
-- what a crash left untold is told by the copy.
CREATE TABLE IF NOT EXISTS receipt_counted
(
    receipt      String,
    topic_id     UUID,
    partition    UInt16,
    first_offset UInt64,
    stream       LowCardinality(String),
    counted      Array(UUID) COMMENT 'identities that were counted for this push',
    duplicate    Array(UUID) COMMENT 'identities that another push had brought with the same content',
    conflict     Array(UUID) COMMENT 'identities that were counted before with other content',
    counted_at   DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree ORDER BY (receipt, topic_id, partition, first_offset);

-- When the figures held what a block had told: of several rows the earliest, a new keeper may say it again.
CREATE TABLE IF NOT EXISTS block_shown
(
    topic_id     UUID,
    partition    UInt16,
    first_offset UInt64,
    shown_at     DateTime64(6, 'UTC')
)
ENGINE = MergeTree PARTITION BY toYYYYMM(shown_at) ORDER BY (topic_id, partition, first_offset);

-- The refusals of each push. A dead letter has one row however often it is sent, each push its own of it here.
CREATE TABLE IF NOT EXISTS receipt_fault
(
    receipt      String,
    service      LowCardinality(String) COMMENT 'ingest: told in the answer, aggregate: found while counting',
    at           Int64 COMMENT 'place in the push, -1 if found while counting',
    letter       String COMMENT 'id of the dead letter',
    sheet_row    Nullable(UInt32),
    sheet_column LowCardinality(Nullable(String)),
    record_id    String,
    code         LowCardinality(String),
    field        String,
    message      String
)
ENGINE = ReplacingMergeTree ORDER BY (receipt, service, at, letter);

CREATE MATERIALIZED VIEW IF NOT EXISTS receipt_fault_view TO receipt_fault AS
SELECT
    receipt,
    service,
    if(service = 'ingest', toInt64OrZero(splitByChar('/', place)[3]), -1) AS at,
    id AS letter,
    toUInt32OrNull(extract(splitByChar('/', place)[4], '[0-9]+')) AS sheet_row,
    nullIf(extract(splitByChar('/', place)[4], '[A-Z]+'), '') AS sheet_column,
    record_id,
    code,
    field,
    message
FROM dead_letter
WHERE receipt != '';
