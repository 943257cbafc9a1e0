-- Every accepted record, one table a stream. A block that is inserted again under the same token counts once,
-- here and in every view below (deduplicate_blocks_in_dependent_materialized_views = 1 on the insert).

CREATE TABLE facility_log
(
    identity     UUID COMMENT '128-bit name of (source, id)',
    source       LowCardinality(String) COMMENT 'agency',
    id           String,
    subject      String COMMENT 'facility id',
    time         DateTime64(6, 'UTC') COMMENT 'when it was so',
    received_at  DateTime64(6, 'UTC') COMMENT 'when ingest took it',
    receipt      String,
    fingerprint  UUID COMMENT '128-bit name of what the record says',
    topic_id     UUID,
    partition    UInt16,
    offset       UInt64,
    kind         LowCardinality(String),
    name         String,
    division     LowCardinality(String) COMMENT 'community code',
    status       LowCardinality(String),
    ownership    LowCardinality(String),
    floor_area   Nullable(Decimal(12, 2)) COMMENT 'm²',
    beds         Nullable(UInt32),
    nursing_beds Nullable(UInt32),
    sports_area  Nullable(Decimal(12, 2)) COMMENT 'm²'
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE childcare_place_log
(
    identity    UUID,
    source      LowCardinality(String),
    id          String,
    subject     String COMMENT 'facility id',
    time        DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    receipt     String,
    fingerprint UUID,
    topic_id    UUID,
    partition   UInt16,
    offset      UInt64,
    total       UInt32 COMMENT 'places',
    inclusive   UInt32 COMMENT 'inclusive places among them',
    enrolled    UInt32 COMMENT 'children'
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE fitness_event_log
(
    identity     UUID,
    source       LowCardinality(String),
    id           String,
    subject      String COMMENT 'event id',
    time         DateTime64(6, 'UTC'),
    received_at  DateTime64(6, 'UTC'),
    receipt      String,
    fingerprint  UUID,
    topic_id     UUID,
    partition    UInt16,
    offset       UInt64,
    name         String,
    level        LowCardinality(String),
    sport        LowCardinality(String),
    division     LowCardinality(String) COMMENT 'county, township or community code',
    day          Date COMMENT 'day it is held',
    status       LowCardinality(String),
    participants UInt32
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE consumption_voucher_log
(
    identity     UUID,
    source       LowCardinality(String),
    id           String,
    subject      String COMMENT 'voucher id',
    time         DateTime64(6, 'UTC') COMMENT 'moment of the step',
    received_at  DateTime64(6, 'UTC'),
    receipt      String,
    fingerprint  UUID,
    topic_id     UUID,
    partition    UInt16,
    offset       UInt64,
    campaign     LowCardinality(String),
    step         LowCardinality(String),
    face_value   Decimal(18, 2) COMMENT 'yuan',
    order_amount Nullable(Decimal(18, 2)) COMMENT 'yuan',
    merchant_id  LowCardinality(Nullable(String)),
    sector       LowCardinality(String),
    division     LowCardinality(String) COMMENT 'township code'
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE statistic_log
(
    identity    UUID,
    source      LowCardinality(String),
    id          String,
    subject     String COMMENT 'division/measure/dimension',
    time        DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    receipt     String,
    fingerprint UUID,
    topic_id    UUID,
    partition   UInt16,
    offset      UInt64,
    division    LowCardinality(String),
    measure     LowCardinality(String),
    dimension   LowCardinality(String),
    value       Decimal(18, 4)
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE dead_letter
(
    id        String COMMENT 'the same refusal repeated has the same id',
    time      DateTime64(6, 'UTC') COMMENT 'when it was refused',
    service   LowCardinality(String),
    stream    LowCardinality(String),
    source    LowCardinality(String),
    record_id String,
    receipt   String,
    place     String COMMENT 'push/{receipt}/{index} or topic/partition/offset',
    code      LowCardinality(String),
    field     String,
    message   String,
    encoding  LowCardinality(String),
    raw       String
)
ENGINE = ReplacingMergeTree ORDER BY id;
