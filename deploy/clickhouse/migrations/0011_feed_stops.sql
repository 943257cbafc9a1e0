-- The alerts service tells people of a stopped feed by what stands here, and keeps in alert_log what it has told:
-- so a feed is stopped or it runs, and nothing between. Every statement may run twice.
ALTER TABLE feed_standing UPDATE state = if(state IN ('stopping', 'stopped'), 'stopped', 'running') WHERE 1
SETTINGS mutations_sync = 1;

ALTER TABLE feed_standing COMMENT COLUMN state 'stopped, running';

ALTER TABLE receipt COMMENT COLUMN kind 'http, file, feed, or replay of dead letters';
