"""One after the other: minmai, and each rival in a database of its own, over the same topic."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from clickhouse_driver.errors import Error

from benchmarks.backlog import TOPIC, Run, timed, verify_hourly
from benchmarks.rivals.environment import interpreter
from benchmarks.rivals.registry import Rival
from benchmarks.rivals.tables import create, read_topic
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common

_PROGRAMS = Path(__file__).with_name("programs")
_ENGINE_STARTS_WITHIN = 30.0


def compete(
    key: str,
    rival: Rival,
    settings: Common,
    records: int,
    neighbours: dict[str, int],
    *,
    folder: Path,
    limit: float,
) -> Run:
    """Time a rival; raises RuntimeError if it can't be run or finished, AssertionError if it miscounts."""
    python = interpreter(key, rival)
    pool = _database(settings)
    log = folder / f"{key}.log"
    environment = {
        "RIVAL_KAFKA": settings.kafka,
        "RIVAL_TOPIC": TOPIC,
        "RIVAL_CLICKHOUSE_PORT": str(settings.clickhouse_port),
        "RIVAL_DATABASE": pool.database,
        "PYTHONPATH": str(_PROGRAMS),
    }
    arguments = [str(_PROGRAMS / word) if word.endswith(".py") else word for word in rival.command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [python, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        run = timed(process, pool, records, neighbours, limit)
        _verify(pool, records)
    except RuntimeError as error:
        raise RuntimeError(f"{error}; its last words: {_last_words(log)}") from error
    else:
        return run
    finally:
        process.kill()  # nothing that it might still do is wanted
        process.wait(30)
        pool.close()


@dataclass(frozen=True)
class Server:
    """A ClickHouse server on this machine."""

    pid: int

    def poll(self) -> int | None:
        """Return None while it runs, as a process of one's own would."""
        return None if Path(f"/proc/{self.pid}").exists() else 1


def compete_engine(settings: Common, server: Server, broker: int, records: int, limit: float) -> Run:
    """Time ClickHouse's own Kafka engine; raises RuntimeError if the server has none that reads."""
    pool = _database(settings)
    try:
        try:
            read_topic(pool, settings.kafka, TOPIC)
        except Error as error:
            raise RuntimeError(
                f"the server refuses a Kafka table: {' '.join(str(error).split())[:200]}"
            ) from error
        end = time.monotonic() + _ENGINE_STARTS_WITHIN
        while not pool.query("SELECT count() FROM consumption_voucher_log")[0][0]:
            if time.monotonic() > end:
                raise RuntimeError(
                    f"the server made the tables, and read nothing in {_ENGINE_STARTS_WITHIN:.0f} s"
                )
            time.sleep(0.05)  # the server begins to read by itself, and tells nobody
        run = timed(server, pool, records, {"broker": broker}, limit)
        _verify(pool, records)
        return run
    finally:
        pool.query(f"DROP DATABASE {pool.database} SYNC")
        pool.close()


def _database(settings: Common) -> ClickHouse:
    """Return a pool to a new database with the tables of a rival."""
    name = f"rival_{uuid4().hex[:8]}"
    first = ClickHouse(settings, database="default")
    first.query(f"CREATE DATABASE {name}")
    first.close()
    pool = ClickHouse(settings, database=name)
    create(pool)
    return pool


def _verify(pool: ClickHouse, records: int) -> None:
    """Raise AssertionError unless log and hourly sums are those of an independent count."""
    [counts] = pool.query("SELECT count(), uniqExact(source, id) FROM consumption_voucher_log")
    assert set(counts) == {records}, (
        f"the log has {counts[0]:,} rows of {counts[1]:,} records, not {records:,}"
    )
    verify_hourly(pool, records)


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "none"
