-- One row per change of state. A row here is what makes a change real: its notices are written before it and
-- sent after it, so a crash in between leaves neither an alert without notices nor a notice without an alert.
CREATE TABLE alert_log
(
    alert_id       UUID COMMENT 'one episode: the firing row and its resolved row share it',
    rule           LowCardinality(String),
    indicator      LowCardinality(String),
    division       LowCardinality(String),
    severity       LowCardinality(String) COMMENT 'info, warning, critical',
    state          LowCardinality(String) COMMENT 'firing, resolved',
    value          Nullable(Float64),
    threshold      Decimal(18, 4),
    as_of          Date COMMENT 'the day of the figure that changed the state',
    figure_version UInt64,
    reason         String COMMENT 'Chinese · English',
    changed_at     DateTime64(3, 'UTC') COMMENT 'by the county''s clock; grows within a rule and division'
)
ENGINE = MergeTree ORDER BY (rule, division, changed_at);

-- The ledger: attempt 0 is the notice as it waits, with what will be sent; then one row per attempt.
CREATE TABLE alert_notice
(
    notice_id   UUID COMMENT 'idempotency key: the same at every attempt',
    alert_id    UUID,
    change      LowCardinality(String) COMMENT 'firing, resolved: with alert_id, the row of alert_log',
    rule        LowCardinality(String),
    division    LowCardinality(String),
    channel     LowCardinality(String) COMMENT 'webhook, mail, topic',
    recipient   String,
    state       LowCardinality(String) COMMENT 'pending, retrying, delivered, refused, given_up',
    attempt     UInt32,
    answer      String COMMENT 'what the receiver said to this attempt',
    duration_ms UInt32,
    payload     String COMMENT 'what is sent; only on attempt 0',
    at          DateTime64(3, 'UTC') COMMENT 'wall clock'
)
ENGINE = MergeTree ORDER BY (alert_id, notice_id, attempt);
