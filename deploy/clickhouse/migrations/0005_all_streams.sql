-- The remaining kinds of facility, the value a voucher was redeemed for, and two more streams. Every statement
-- may run twice: a migration that broke off begins again at its top.

ALTER TABLE facility_log
    ADD COLUMN IF NOT EXISTS investment             Nullable(Decimal(18, 2)) COMMENT 'yuan',
    ADD COLUMN IF NOT EXISTS children               Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS inclusive              Nullable(Bool),
    ADD COLUMN IF NOT EXISTS classes                Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS integrated_care_unit   Nullable(Bool),
    ADD COLUMN IF NOT EXISTS integrated_care_demo   Nullable(Bool),
    ADD COLUMN IF NOT EXISTS comprehensive          Nullable(Bool),
    ADD COLUMN IF NOT EXISTS medical_contract       Nullable(Bool),
    ADD COLUMN IF NOT EXISTS category               LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS grade                  LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS physicians             Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS nurses                 Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS green_channel          Nullable(Bool),
    ADD COLUMN IF NOT EXISTS age_friendly           Nullable(Bool),
    ADD COLUMN IF NOT EXISTS hospice_pilot          Nullable(Bool),
    ADD COLUMN IF NOT EXISTS mobile_booking         Nullable(Bool),
    ADD COLUMN IF NOT EXISTS no_health_code_channel Nullable(Bool),
    ADD COLUMN IF NOT EXISTS activity_area          Nullable(Decimal(12, 2)) COMMENT 'm²',
    ADD COLUMN IF NOT EXISTS quarter_hour_circle    Nullable(Bool),
    ADD COLUMN IF NOT EXISTS meals_per_day          Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS new                    Nullable(Bool),
    ADD COLUMN IF NOT EXISTS residents              Nullable(UInt32),
    ADD COLUMN IF NOT EXISTS childcare_provided     Nullable(Bool),
    ADD COLUMN IF NOT EXISTS elder_care_area        Nullable(Decimal(12, 2)) COMMENT 'm²',
    ADD COLUMN IF NOT EXISTS indoor_sports_area     Nullable(Decimal(12, 2)) COMMENT 'm²',
    ADD COLUMN IF NOT EXISTS outdoor_sports_area    Nullable(Decimal(12, 2)) COMMENT 'm²',
    ADD COLUMN IF NOT EXISTS site_area              Nullable(Decimal(12, 2)) COMMENT 'm²',
    ADD COLUMN IF NOT EXISTS service_use            LowCardinality(Nullable(String));

-- The default is for the rows from before the column; an insert always gives the value, or NULL.
ALTER TABLE consumption_voucher_log
    ADD COLUMN IF NOT EXISTS redeemed_value Nullable(Decimal(18, 2))
        DEFAULT if(step IN ('redeemed', 'refunded'), least(face_value, ifNull(order_amount, face_value)), NULL)
        COMMENT 'yuan' AFTER order_amount;

-- Rows lie by voucher and time; which record an identity names is asked too, when a record is withdrawn.
ALTER TABLE consumption_voucher_log
    ADD INDEX IF NOT EXISTS by_identity identity TYPE bloom_filter GRANULARITY 1;
ALTER TABLE consumption_voucher_log MATERIALIZE INDEX by_identity;

CREATE TABLE IF NOT EXISTS task_report_log
(
    identity    UUID,
    source      LowCardinality(String),
    id          String,
    subject     String COMMENT 'task number',
    time        DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    receipt     String,
    fingerprint UUID,
    topic_id    UUID,
    partition   UInt16,
    offset      UInt64,
    task        UInt16,
    percent     UInt8,
    status      LowCardinality(String),
    note        String
)
ENGINE = MergeTree ORDER BY (subject, time, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS retraction_log
(
    identity    UUID,
    source      LowCardinality(String),
    id          String,
    subject     String COMMENT 'stream/id of the record withdrawn',
    time        DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC') COMMENT 'since when the withdrawal is known',
    receipt     String,
    fingerprint UUID,
    topic_id    UUID,
    partition   UInt16,
    offset      UInt64,
    stream      LowCardinality(String) COMMENT 'of the record withdrawn',
    record      String COMMENT 'its id',
    reason      String,
    retracted   UUID COMMENT '128-bit name of (source, record): its identity'
)
ENGINE = MergeTree ORDER BY (stream, retracted, identity)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS task_report_identity TO record_identity AS
SELECT 'task-report' AS stream, identity, fingerprint, topic_id, partition, offset FROM task_report_log;
CREATE MATERIALIZED VIEW IF NOT EXISTS retraction_identity TO record_identity AS
SELECT 'retraction' AS stream, identity, fingerprint, topic_id, partition, offset FROM retraction_log;

CREATE MATERIALIZED VIEW IF NOT EXISTS task_report_feed TO feed_live AS
SELECT source, 'task-report' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM task_report_log GROUP BY source;
CREATE MATERIALIZED VIEW IF NOT EXISTS retraction_feed TO feed_live AS
SELECT source, 'retraction' AS stream, count() AS records, max(time) AS newest_time,
    max(received_at) AS received_at
FROM retraction_log GROUP BY source;

-- Made anew, from the log: its order is another (a figure asks for one township and a stretch of time), and what
-- was counted before has a redeemed value too.
DROP VIEW IF EXISTS voucher_hourly_view;
DROP TABLE IF EXISTS voucher_hourly;
CREATE TABLE voucher_hourly
(
    campaign       LowCardinality(String),
    sector         LowCardinality(String),
    division       LowCardinality(String) COMMENT 'township code',
    hour           DateTime('UTC') COMMENT 'start of the hour of the step',
    step           LowCardinality(String),
    records        Int64 COMMENT 'signed, like the sums: a withdrawal takes away',
    face_value     Decimal(18, 2) COMMENT 'yuan',
    order_amount   Decimal(18, 2) COMMENT 'yuan',
    redeemed_value Decimal(18, 2) COMMENT 'yuan'
)
ENGINE = SummingMergeTree((records, face_value, order_amount, redeemed_value))
ORDER BY (division, hour, campaign, sector, step)
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO voucher_hourly
SELECT campaign, sector, division, toStartOfHour(toDateTime(time, 'UTC')) AS hour, step,
    count() AS records,
    CAST(sum(face_value), 'Decimal(18, 2)') AS face_value,
    CAST(sum(ifNull(order_amount, 0)), 'Decimal(18, 2)') AS order_amount,
    CAST(sum(ifNull(redeemed_value, 0)), 'Decimal(18, 2)') AS redeemed_value
FROM consumption_voucher_log
GROUP BY campaign, sector, division, hour, step;

CREATE MATERIALIZED VIEW voucher_hourly_view TO voucher_hourly AS
SELECT campaign, sector, division, toStartOfHour(toDateTime(time, 'UTC')) AS hour, step,
    count() AS records,
    CAST(sum(face_value), 'Decimal(18, 2)') AS face_value,
    CAST(sum(ifNull(order_amount, 0)), 'Decimal(18, 2)') AS order_amount,
    CAST(sum(ifNull(redeemed_value, 0)), 'Decimal(18, 2)') AS redeemed_value
FROM consumption_voucher_log
GROUP BY campaign, sector, division, hour, step;
