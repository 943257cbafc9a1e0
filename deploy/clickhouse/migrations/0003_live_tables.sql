-- Voucher money by campaign, sector, township, hour and step; read it with sum(...) GROUP BY.
CREATE TABLE voucher_hourly
(
    campaign     LowCardinality(String),
    sector       LowCardinality(String),
    division     LowCardinality(String) COMMENT 'township code',
    hour         DateTime('UTC') COMMENT 'start of the hour of the step',
    step         LowCardinality(String),
    records      UInt64,
    face_value   Decimal(18, 2) COMMENT 'yuan',
    order_amount Decimal(18, 2) COMMENT 'yuan'
)
ENGINE = SummingMergeTree((records, face_value, order_amount)) ORDER BY (campaign, sector, division, hour, step)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW voucher_hourly_view TO voucher_hourly AS
SELECT campaign, sector, division, toStartOfHour(toDateTime(time, 'UTC')) AS hour, step,
    count() AS records,
    CAST(sum(face_value), 'Decimal(18, 2)') AS face_value,
    CAST(sum(ifNull(order_amount, 0)), 'Decimal(18, 2)') AS order_amount
FROM consumption_voucher_log
GROUP BY campaign, sector, division, hour, step;

-- One row per agency and stream: how much came, and how new it is.
CREATE TABLE feed_live
(
    source      LowCardinality(String),
    stream      LowCardinality(String),
    records     SimpleAggregateFunction(sum, UInt64),
    newest_time SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'newest event time',
    received_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'last time a record came in'
)
ENGINE = AggregatingMergeTree ORDER BY (source, stream)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW facility_feed TO feed_live AS
SELECT source, 'facility' AS stream, count() AS records, max(time) AS newest_time, max(received_at) AS received_at
FROM facility_log GROUP BY source;
CREATE MATERIALIZED VIEW childcare_place_feed TO feed_live AS
SELECT source, 'childcare-place' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM childcare_place_log GROUP BY source;
CREATE MATERIALIZED VIEW fitness_event_feed TO feed_live AS
SELECT source, 'fitness-event' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM fitness_event_log GROUP BY source;
CREATE MATERIALIZED VIEW consumption_voucher_feed TO feed_live AS
SELECT source, 'consumption-voucher' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM consumption_voucher_log GROUP BY source;
CREATE MATERIALIZED VIEW statistic_feed TO feed_live AS
SELECT source, 'statistic' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM statistic_log GROUP BY source;

-- What a part (a numerator, a denominator) grew by, per division and day; its total is the running sum. Read it FINAL.
CREATE TABLE part_delta
(
    part     String COMMENT 'the part''s declaration, as JSON',
    division LowCardinality(String),
    day      Date,
    delta    Decimal(38, 4),
    known    Int32 COMMENT 'how many of the reports the part needs began that day',
    version  UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY (part, division, day);

-- The plan's indicators as the aggregator reads them, per division; `plan` is the digest of all of them.
CREATE TABLE indicator_declared
(
    plan               String,
    indicator          LowCardinality(String),
    division           LowCardinality(String),
    numerator          String COMMENT 'part',
    needed_numerator   Int32 COMMENT 'reports without which there is no data',
    denominator        String COMMENT 'part; empty where there is none',
    needed_denominator Int32,
    scale              Decimal(18, 4),
    target             Nullable(Decimal(18, 4)) COMMENT 'the target that holds in this division',
    direction          LowCardinality(String) COMMENT 'at_least, at_most or exactly'
)
ENGINE = ReplacingMergeTree ORDER BY (plan, indicator, division);

-- One row per indicator and division: what the board shows. Read it FINAL.
CREATE TABLE indicator_live
(
    indicator   LowCardinality(String),
    division    LowCardinality(String),
    numerator   Nullable(Decimal(38, 4)),
    denominator Nullable(Decimal(38, 4)),
    value       Nullable(Float64) COMMENT 'scale × numerator ÷ denominator',
    target      Nullable(Decimal(18, 4)),
    status      LowCardinality(String),
    as_of       Date COMMENT 'the county''s calendar day the figure holds for',
    version     UInt64 COMMENT 'grows with the records the figure has seen',
    updated_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version) ORDER BY (indicator, division);

-- The figure at the end of each day on which it changed; it holds until the next row. Read it FINAL.
CREATE TABLE indicator_history
(
    indicator   LowCardinality(String),
    division    LowCardinality(String),
    day         Date,
    numerator   Nullable(Decimal(38, 4)),
    denominator Nullable(Decimal(38, 4)),
    value       Nullable(Float64),
    target      Nullable(Decimal(18, 4)),
    status      LowCardinality(String),
    version     UInt64,
    updated_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version) ORDER BY (indicator, division, day);
