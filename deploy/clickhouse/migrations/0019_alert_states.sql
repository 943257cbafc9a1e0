-- Alerts have more states than firing and resolved, subjects within a division, and corrections. A row from before
-- means what it meant: its condition is its state. Every statement may run twice.
ALTER TABLE alert_log
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT if(rule = 'feed-stopped', 'feed_stopped', 'value') COMMENT 'what the rule looks at' AFTER rule,
    ADD COLUMN IF NOT EXISTS rule_version LowCardinality(String) COMMENT 'digest of what the rule decides by' AFTER kind,
    ADD COLUMN IF NOT EXISTS subject String COMMENT 'what within the division: merchant, facility, agency/stream; empty: itself' AFTER division,
    ADD COLUMN IF NOT EXISTS before LowCardinality(String) COMMENT 'the state before this one' AFTER state,
    ADD COLUMN IF NOT EXISTS condition LowCardinality(String) DEFAULT state COMMENT 'where the rule stands, whatever is laid over it' AFTER before,
    ADD COLUMN IF NOT EXISTS held LowCardinality(String) COMMENT 'of no_data and error: the condition they froze' AFTER condition,
    ADD COLUMN IF NOT EXISTS began_at Nullable(DateTime64(3, 'UTC')) COMMENT 'of pending and recovering, frozen ones too: when it began, later by the time it was frozen' AFTER held,
    ADD COLUMN IF NOT EXISTS correction Bool COMMENT 'an earlier day was revised after the alert had been sent' AFTER began_at,
    ADD COLUMN IF NOT EXISTS by String COMMENT 'who silenced or acknowledged' AFTER correction,
    ADD COLUMN IF NOT EXISTS change String COMMENT 'the whole change as JSON, as schemas/alert.py has it; empty in rows from before' CODEC(ZSTD(3)) AFTER reason,
    ADD COLUMN IF NOT EXISTS logged_at DateTime64(3, 'UTC') DEFAULT changed_at COMMENT 'wall clock' AFTER changed_at,
    COMMENT COLUMN state 'what is shown: the condition (ok, pending, firing, recovering, resolved, no_data, error), or silenced, inhibited, acknowledged over a firing one',
    COMMENT COLUMN threshold 'what the value is held against';
