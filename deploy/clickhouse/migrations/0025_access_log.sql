-- Who signed in, and who changed what on the page or by an API of board and alerts. The statement may run twice.
CREATE TABLE IF NOT EXISTS access_log
(
    at      DateTime64(3, 'UTC') COMMENT 'wall clock',
    service LowCardinality(String) COMMENT 'board, alerts',
    action  LowCardinality(String) COMMENT 'sign in, sign out, change password; else method and route of a change',
    target  String COMMENT 'path of what was changed; its content is not kept',
    outcome LowCardinality(String) COMMENT 'done, refused, limited, failed',
    name    String COMMENT 'empty where there is no user of the name that was given: that may be a password',
    role    LowCardinality(String),
    by      LowCardinality(String) COMMENT 'none, password, proxy, token: how it is known who asks',
    remote  String COMMENT 'address it came from'
)
ENGINE = MergeTree ORDER BY at;
