-- When the oldest record of a block was written to its topic, for the keeper, which measures how fresh the figures
-- are. NULL in rows from before, and for a block that an earlier owner of the partition had begun. May run twice.
ALTER TABLE touch ADD COLUMN IF NOT EXISTS written_at Nullable(DateTime64(3, 'UTC'));
