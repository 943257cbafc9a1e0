-- Who hears of alerts, and what people have said about them. Of several rows of one id the newest version holds;
-- a `deleted` one is as if it were not there. Every statement may run twice.

CREATE TABLE IF NOT EXISTS alert_subscriber
(
    id         String,
    version    UInt64,
    subscriber String COMMENT 'JSON, as services/alerts/routing/subscriber.py reads it; addresses may hold tokens',
    deleted    Bool COMMENT 'unsubscribed',
    by         String COMMENT 'who changed it',
    at         DateTime64(3, 'UTC') COMMENT 'wall clock'
)
ENGINE = ReplacingMergeTree(version) ORDER BY id;

CREATE TABLE IF NOT EXISTS alert_silence
(
    id      UUID,
    version UInt64,
    silence String COMMENT 'JSON, as services/alerts/routing/orders.py reads it',
    ends    DateTime64(3, 'UTC') COMMENT 'wall clock; ending one early is a version that ends then',
    by      String COMMENT 'who made or ended it',
    at      DateTime64(3, 'UTC') COMMENT 'wall clock'
)
ENGINE = ReplacingMergeTree(version) ORDER BY id;

CREATE TABLE IF NOT EXISTS alert_ack
(
    alert_id UUID,
    version  UInt64,
    author   String,
    note     String,
    deleted  Bool COMMENT 'taken back',
    at       DateTime64(3, 'UTC') COMMENT 'wall clock'
)
ENGINE = ReplacingMergeTree(version) ORDER BY alert_id;
