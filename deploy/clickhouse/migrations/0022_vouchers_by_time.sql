-- Alerts look at the vouchers of the last hours again and again. Rows lie by voucher, but what has lain for long lies
-- in parts of its own: the index tells which parts have nothing so new. Every statement may run twice.
ALTER TABLE consumption_voucher_log ADD INDEX IF NOT EXISTS by_time time TYPE minmax GRANULARITY 1;
ALTER TABLE consumption_voucher_log MATERIALIZE INDEX by_time;
