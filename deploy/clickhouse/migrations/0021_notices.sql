-- A notice tells a subscriber of one change or of several. What it covers and what is sent stand on attempt 0;
-- alert_id, change, rule and division stay those of the first change covered, and are empty for a test.
-- Notices of before covered one change each, named by alert and state alone: they read as of 1970.
ALTER TABLE alert_notice
    ADD COLUMN IF NOT EXISTS covers Array(Tuple(alert_id UUID, state String, changed_at DateTime64(3, 'UTC'),
        rule String, division String, subject String))
        DEFAULT [(alert_id, change, toDateTime64(0, 3, 'UTC'), rule, division, '')]
        COMMENT 'rows of alert_log; only on attempt 0',
    ADD COLUMN IF NOT EXISTS subscriber LowCardinality(String) DEFAULT channel COMMENT 'who is told',
    ADD COLUMN IF NOT EXISTS why LowCardinality(String) DEFAULT if(change = 'resolved', 'resolved', 'first')
        COMMENT 'first, new, resolved, repeat, escalation, correction, digest, test, resend',
    ADD COLUMN IF NOT EXISTS not_before DateTime64(3, 'UTC') DEFAULT at COMMENT 'wall clock';

ALTER TABLE alert_notice COMMENT COLUMN channel
    'topic, webhook, mail, wecom, dingtalk, feishu, alertmanager, apprise';

ALTER TABLE alert_notice COMMENT COLUMN state
    'pending, retrying, delivered, refused, given_up; or muted: not sent, and the answer says why';
