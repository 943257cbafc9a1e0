-- Agencies' own topics, and what became of dead letters. Every statement may run twice.

-- Whether an agency's topic is read: its newest row says. stopping → stopped, once the alert is out;
-- resuming → running, once the alert's end is out. No row: it runs.
CREATE TABLE IF NOT EXISTS feed_standing
(
    agency   LowCardinality(String),
    alert_id UUID COMMENT 'one stop and its end share it',
    state    LowCardinality(String) COMMENT 'stopping, stopped, resuming, running',
    checked  UInt32 COMMENT 'the newest records when it was stopped',
    refused  UInt32 COMMENT 'of them',
    code     LowCardinality(String) COMMENT 'the commonest reason',
    message  String COMMENT 'Chinese · English, of the last record with this reason',
    at       DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY (agency, at);

-- What a dead letter's record should have said; of several rows the newest.
CREATE TABLE IF NOT EXISTS dead_letter_mended
(
    letter  String,
    content String COMMENT 'JSON object',
    at      DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY (letter, at);

-- Every attempt to send a dead letter's record again. A letter with `counted` or `duplicate` is settled.
CREATE TABLE IF NOT EXISTS dead_letter_replayed
(
    letter  String,
    receipt String COMMENT 'of the replay; empty if nothing was sent',
    outcome LowCardinality(String) COMMENT 'counted, duplicate, conflict, rejected, or sent: not yet counted',
    code    LowCardinality(String),
    field   String,
    message String,
    at      DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY (letter, at);
