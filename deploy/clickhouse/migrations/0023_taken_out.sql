-- Which withdrawn voucher records have been taken out of voucher_hourly: a record may be withdrawn more than once, and
-- longer after the first time than tokens are remembered. Every statement may run twice.
CREATE TABLE IF NOT EXISTS voucher_taken_out
(
    identity UUID COMMENT 'of the voucher record'
)
ENGINE = ReplacingMergeTree ORDER BY identity;

-- What was withdrawn before, but for blocks that may still be in hand.
INSERT INTO voucher_taken_out (identity)
SELECT DISTINCT retracted
FROM retraction_log AS withdrawal
INNER JOIN (SELECT topic_id, partition, max(first_offset) AS newest FROM block GROUP BY topic_id, partition) AS claimed
    USING (topic_id, partition)
WHERE withdrawal.stream = 'consumption-voucher' AND withdrawal.offset < claimed.newest
    AND retracted IN (SELECT identity FROM consumption_voucher_log);
