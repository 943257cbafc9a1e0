-- What has been counted lately, for ingest, which remembers in memory what has been counted. It stands in the row
-- of the block's touches: the server's clock orders those, a block that a crash cut short is told by whoever
-- completes it, and another table or view would cost as much as all of the block. May run twice.
ALTER TABLE touch ADD COLUMN IF NOT EXISTS
    counted Array(UInt64) COMMENT 'reinterpretAsUInt64(identity) of the records of `stream` that the block counted';
