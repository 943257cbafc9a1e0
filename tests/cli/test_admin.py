"""The commands of whoever runs minmai."""

from hashlib import sha256
from pathlib import Path

from services.platform.migrations import FOLDER
from tests.cli.support import environment, minmai, refused
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port

ALL = ", ".join(sorted(path.name[:4] for path in FOLDER.glob("*.sql")))


def test_migrate_says_what_it_will_do_does_it_and_then_has_nothing_to_do(
    clickhouse: ClickHouse, database: str
) -> None:
    env = environment(clickhouse_port=clickhouse.port, clickhouse_database=database)

    def tables() -> set[str]:
        with clickhouse.client(database) as client:
            return {name for (name,) in client.execute("SHOW TABLES")}

    def lines(*words: str) -> list[str]:
        done = minmai("migrate", *words, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    first = lines("--dry-run")
    assert first[1].endswith("none")
    assert first[2].endswith(f"would be applied: {ALL}")
    assert "indicator_live" not in tables()

    second = lines()
    assert second[1].endswith("none")
    assert second[2].endswith(ALL)
    made = tables()
    assert "indicator_live" in made

    third = lines()
    assert third[1].endswith(ALL)
    assert third[2].endswith("none")
    assert tables() == made


def test_migrate_without_clickhouse_is_one_message() -> None:
    port = free_port()
    told = refused(minmai("migrate", env=environment(clickhouse_port=port)))
    assert f"127.0.0.1:{port}" in told


def test_topics_are_created_once_and_listed(fresh_broker: Broker) -> None:
    env = environment(kafka=fresh_broker.bootstrap)
    assert "missing" in minmai("topics", "list", env=env).stdout
    first = minmai("topics", "create", "--partitions", "2", env=env)
    assert first.returncode == 0, first.stderr
    assert "created" in first.stdout
    second = minmai("topics", "create", "--partitions", "3", env=env).stdout
    assert "created" not in second
    assert "has 2 partitions, left so" in second
    listed = minmai("topics", "list", env=env).stdout
    assert "missing" not in listed
    assert "minmai.indicator.v1" in listed


def test_an_agency_is_added_and_listed_and_its_key_shown_once(tmp_path: Path) -> None:
    file = tmp_path / "agencies.json"
    words = ["--file", file, "--stream", "facility"]
    added = minmai("agency", "add", "health-bureau", *words)
    assert added.returncode == 0, added.stderr
    key = added.stdout.splitlines()[-1]
    assert key.startswith("minmai_")
    assert key not in file.read_text()
    listed = minmai("agency", "list", "--file", file).stdout
    assert "health-bureau" in listed
    assert "532622" in listed
    assert key not in listed
    assert "health-bureau" in refused(minmai("agency", "add", "health-bureau", *words))


def test_an_agency_of_no_division_of_the_plan_is_not_added(tmp_path: Path) -> None:
    """Every record it sent would be refused."""
    file = tmp_path / "agencies.json"
    words = ["--file", file, "--stream", "facility", "--division", "532622101", "--division", "532622999"]
    assert "no 532622999:" in refused(minmai("agency", "add", "health-bureau", *words))
    assert not file.exists()


def test_a_key_is_rotated_and_revoked(tmp_path: Path) -> None:
    file = tmp_path / "agencies.json"

    def agency(*words: object) -> list[str]:
        done = minmai("agency", *words, "--file", file)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    first = agency("add", "health-bureau", "--stream", "facility", "--feed")[-1]
    second = agency("rotate", "health-bureau", "--overlap", "1.5")[-1]
    ids = [sha256(key.encode()).hexdigest()[:8] for key in (first, second)]
    head, old, new = agency("list")
    assert "own topic" in head
    assert ids[0] in old
    assert "holds until" in old
    assert ids[1] in new
    assert agency("revoke", "health-bureau", "--key", ids[0]) == [
        f"health-bureau: 已吊销密钥 · revoked: {ids[0]}"
    ]
    assert ids[1] in agency("revoke", "health-bureau")[0]
    *ended, none = agency("list")[1:]
    assert [(id in line, "ended" in line) for id, line in zip(ids, ended, strict=True)] == [(True, True)] * 2
    assert "no key holds" in none
    third = agency("rotate", "health-bureau", "--overlap", "0")[-1]
    assert not {first, second, third} & set(file.read_text().split('"'))
    assert "no agency 'nobody'" in refused(minmai("agency", "revoke", "nobody", "--file", file))


def test_sample_has_its_own_options(tmp_path: Path) -> None:
    assert "--seed" in minmai("sample", "--help").stdout
    done = minmai("sample", "--out", tmp_path, "--records", "50", "--to", "2022-12-31")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*.ndjson"))
    assert "exists" in refused(minmai("sample", "--out", tmp_path, "--records", "50"))
