"""`minmai retention`: what would go, and what then goes."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.cli.support import environment, minmai, refused
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse


def test_it_says_what_would_go_and_then_drops_just_that(
    fresh_broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path
) -> None:
    settings = Common(
        kafka=fresh_broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=database
    )
    migrate(settings)
    ensure_topics(fresh_broker.bootstrap)
    pool = Pool(settings)
    moments = [datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC), datetime.now(UTC)]
    pool.insert("refused_push", {"id": [uuid4() for _ in moments], "last_at": moments})
    env = environment(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=database,
        agencies=tmp_path / "agencies.json",
    )

    def run(*words: str) -> tuple[str, int]:
        done = minmai("retention", *words, env=env)
        assert done.returncode == 0, done.stderr
        [(left,)] = pool.query("SELECT count() FROM refused_push")
        return done.stdout, int(left)

    told, left = run("--dry-run")
    assert "would go" in told
    assert "refused_push                      2 / 3 行" in told
    assert left == 3
    told, left = run()
    assert "refused_push                      2 / 3 行" in told
    assert left == 1
    told, left = run()
    assert "refused_push" not in told.replace("refused-push", "")
    assert left == 1
    pool.close()


def test_a_setting_that_would_drop_what_is_new_is_refused() -> None:
    assert "MINMAI_KEEP_PUSHES_DAYS" in refused(minmai("retention", env=environment(keep_pushes_days=1)))
