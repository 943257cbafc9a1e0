"""The result tables of a rival, in a database of its own: minmai's less what serves its guarantees."""

from services.platform.clickhouse import ClickHouse

LOG = """
CREATE TABLE consumption_voucher_log (
    source LowCardinality(String), id String, subject String,
    time DateTime64(6, 'UTC'), received_at DateTime64(6, 'UTC'), receipt String,
    campaign LowCardinality(String), step LowCardinality(String),
    face_value Decimal(18, 2), order_amount Nullable(Decimal(18, 2)), redeemed_value Nullable(Decimal(18, 2)),
    merchant_id LowCardinality(Nullable(String)),
    sector LowCardinality(String), division LowCardinality(String)
) ENGINE = MergeTree ORDER BY (subject, time)"""

HOURLY = """
CREATE TABLE voucher_hourly (
    campaign LowCardinality(String), sector LowCardinality(String), division LowCardinality(String),
    hour DateTime('UTC'), step LowCardinality(String),
    records UInt64, face_value Decimal(18, 2), order_amount Decimal(18, 2), redeemed_value Decimal(18, 2)
) ENGINE = SummingMergeTree ORDER BY (campaign, sector, division, hour, step)"""

VIEW = """
CREATE MATERIALIZED VIEW voucher_hourly_view TO voucher_hourly AS
SELECT campaign, sector, division, toStartOfHour(toDateTime(time, 'UTC')) AS hour, step, count() AS records,
    CAST(sum(face_value), 'Decimal(18, 2)') AS face_value,
    CAST(sum(ifNull(order_amount, 0)), 'Decimal(18, 2)') AS order_amount,
    CAST(sum(ifNull(redeemed_value, 0)), 'Decimal(18, 2)') AS redeemed_value
FROM consumption_voucher_log GROUP BY campaign, sector, division, hour, step"""

# https://clickhouse.com/docs/integrations/kafka/kafka-table-engine
QUEUE = """
CREATE TABLE queue (event String) ENGINE = Kafka SETTINGS kafka_broker_list = %(kafka)s,
    kafka_topic_list = %(topic)s, kafka_group_name = %(group)s, kafka_format = 'JSONAsString'"""

FROM_QUEUE = """
CREATE MATERIALIZED VIEW from_queue TO consumption_voucher_log AS
WITH JSONExtractRaw(event, 'data') AS data
SELECT JSONExtractString(event, 'source') AS source, JSONExtractString(event, 'id') AS id,
    JSONExtractString(event, 'subject') AS subject,
    parseDateTime64BestEffort(JSONExtractString(event, 'time'), 6, 'UTC') AS time,
    parseDateTime64BestEffort(JSONExtractString(event, 'receivedtime'), 6, 'UTC') AS received_at,
    JSONExtractString(event, 'receipt') AS receipt,
    JSONExtractString(data, 'campaign') AS campaign, JSONExtractString(data, 'step') AS step,
    toDecimal64(JSONExtractString(data, 'face_value'), 2) AS face_value,
    toDecimal64OrNull(JSONExtractString(data, 'order_amount'), 2) AS order_amount,
    toDecimal64OrNull(JSONExtractString(data, 'redeemed_value'), 2) AS redeemed_value,
    JSONExtract(data, 'merchant_id', 'Nullable(String)') AS merchant_id,
    JSONExtractString(data, 'sector') AS sector, JSONExtractString(data, 'division') AS division
FROM queue"""


def create(pool: ClickHouse) -> None:
    """Make log, hourly sums and the view between them."""
    for statement in (LOG, HOURLY, VIEW):
        pool.query(statement)


def read_topic(pool: ClickHouse, kafka: str, topic: str) -> None:
    """Let ClickHouse itself read the topic into the log; raises what a server without that engine answers."""
    pool.query(QUEUE, {"kafka": kafka, "topic": topic, "group": pool.database})
    pool.query(FROM_QUEUE)
