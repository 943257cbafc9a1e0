-- Which stretch of a partition is one block. The token of the insert is the block's start, so of two workers
-- that claim one start only the first is kept, and both then write the very same block.
CREATE TABLE block
(
    topic        LowCardinality(String),
    topic_id     UUID,
    partition    UInt16,
    first_offset UInt64,
    last_offset  UInt64,
    worker       String,
    claimed_at   DateTime64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY (topic_id, partition, first_offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where each (source, id) was first seen: what makes a record count once for ever.
CREATE TABLE record_identity
(
    stream      LowCardinality(String),
    identity    UUID,
    fingerprint UUID,
    topic_id    UUID,
    partition   UInt16,
    offset      UInt64
)
ENGINE = MergeTree ORDER BY (stream, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW facility_identity TO record_identity AS
SELECT 'facility' AS stream, identity, fingerprint, topic_id, partition, offset FROM facility_log;
CREATE MATERIALIZED VIEW childcare_place_identity TO record_identity AS
SELECT 'childcare-place' AS stream, identity, fingerprint, topic_id, partition, offset FROM childcare_place_log;
CREATE MATERIALIZED VIEW fitness_event_identity TO record_identity AS
SELECT 'fitness-event' AS stream, identity, fingerprint, topic_id, partition, offset FROM fitness_event_log;
CREATE MATERIALIZED VIEW consumption_voucher_identity TO record_identity AS
SELECT 'consumption-voucher' AS stream, identity, fingerprint, topic_id, partition, offset
FROM consumption_voucher_log;
CREATE MATERIALIZED VIEW statistic_identity TO record_identity AS
SELECT 'statistic' AS stream, identity, fingerprint, topic_id, partition, offset FROM statistic_log;
