-- Up to which record of each partition a row of voucher_hourly has its sums: a block's rows are there whole or not at
-- all, so the sums can be held against the log while blocks come in. Every statement may run twice.
ALTER TABLE voucher_hourly ADD COLUMN IF NOT EXISTS
    newest SimpleAggregateFunction(maxMap, Map(UInt64, UInt64))
    COMMENT 'by cityHash64(topic_id, partition) the last offset; without those from before, and what took away';

DROP VIEW IF EXISTS voucher_hourly_view;
CREATE MATERIALIZED VIEW voucher_hourly_view TO voucher_hourly AS
SELECT campaign, sector, division, toStartOfHour(toDateTime(time, 'UTC')) AS hour, step,
    count() AS records,
    CAST(sum(face_value), 'Decimal(18, 2)') AS face_value,
    CAST(sum(ifNull(order_amount, 0)), 'Decimal(18, 2)') AS order_amount,
    CAST(sum(ifNull(redeemed_value, 0)), 'Decimal(18, 2)') AS redeemed_value,
    map(cityHash64(topic_id, partition), max(offset)) AS newest
FROM consumption_voucher_log
GROUP BY campaign, sector, division, hour, step, topic_id, partition;
