-- Figures are computed by one keeper from what each block touched. Every statement may run twice.

DROP TABLE IF EXISTS part_delta;
DROP TABLE IF EXISTS indicator_declared;

ALTER TABLE indicator_live
    ADD COLUMN IF NOT EXISTS due           Nullable(Date) COMMENT 'day by which the target is promised' AFTER status,
    ADD COLUMN IF NOT EXISTS gap           Nullable(Float64) COMMENT 'target − value' AFTER due,
    ADD COLUMN IF NOT EXISTS pace_needed   Nullable(Float64) COMMENT 'change a month that reaches the target' AFTER gap,
    ADD COLUMN IF NOT EXISTS pace_observed Nullable(Float64) COMMENT 'change a month of late' AFTER pace_needed,
    ADD COLUMN IF NOT EXISTS forecast      Nullable(Float64) COMMENT 'expected on the due day' AFTER pace_observed,
    ADD COLUMN IF NOT EXISTS forecast_low  Nullable(Float64) COMMENT '80 % band' AFTER forecast,
    ADD COLUMN IF NOT EXISTS forecast_high Nullable(Float64) AFTER forecast_low,
    ADD COLUMN IF NOT EXISTS forecast_day  Nullable(Date) COMMENT 'target reached at this pace' AFTER forecast_high,
    ADD COLUMN IF NOT EXISTS value_at_due  Nullable(Float64) COMMENT 'after the due day: what it was' AFTER forecast_day,
    ADD COLUMN IF NOT EXISTS reason_zh     String AFTER value_at_due,
    ADD COLUMN IF NOT EXISTS reason_en     String AFTER reason_zh;

-- "below" is what the history says; a live figure says by how much it is behind.
ALTER TABLE indicator_live UPDATE status = 'cannot_say' WHERE status = 'below' SETTINGS mutations_sync = 1;

-- What a counted block touched: entities (of vouchers, townships) and days whose state is to be looked at anew.
-- The time is the server's, so that one clock orders what all workers tell.
CREATE TABLE IF NOT EXISTS touch
(
    topic_id     UUID,
    partition    UInt16,
    first_offset UInt64,
    stream       LowCardinality(String),
    subjects     Array(String),
    days         Array(Date),
    told_at      DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree ORDER BY told_at
TTL toDateTime(told_at) + INTERVAL 1 DAY;

-- Who keeps the figures: of all terms the newest. What an older keeper still writes is dropped.
CREATE TABLE IF NOT EXISTS keeper
(
    term     UInt64,
    worker   String,
    begun_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree ORDER BY (term, begun_at, worker);

-- One row per task that has been reported on: its newest report. Read it FINAL.
CREATE TABLE IF NOT EXISTS task_live
(
    task        UInt16,
    percent     Nullable(UInt8) COMMENT 'NULL like all of the report where every report has been withdrawn',
    status      Nullable(String),
    note        String,
    reported_at Nullable(DateTime64(6, 'UTC')) COMMENT 'event time of the report',
    source      String,
    record_id   String,
    version     UInt64,
    updated_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version) ORDER BY task;
