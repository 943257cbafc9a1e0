"""The log of sign-ins and changes: nobody waits for its table, and nothing is lost while that is away."""

import asyncio
import logging

import pytest

from services.platform.access.audit import TABLE, Audit, Entry
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually_async

WAIT_SECONDS = 30.0


async def test_what_cannot_be_written_yet_is_written_later(
    clickhouse: ClickHouse, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=database)
    pool = Pool(settings)
    audit = Audit(pool, "board", retry_seconds=0.05)
    caplog.set_level(logging.INFO)
    writing = asyncio.create_task(audit.run())
    for number in range(3):
        audit.tell(Entry("sign in", "done", f"user-{number}", "viewer", "password", "10.0.0.7"))

    async def warned() -> int:
        return sum("access_log cannot be written" in one.message for one in caplog.records)

    await eventually_async(warned, WAIT_SECONDS, "it says that it cannot write")
    assert sum("access: sign in" in one.message for one in caplog.records) == 3
    await asyncio.to_thread(migrate, settings)

    async def kept() -> list[tuple[str, ...]]:
        sql = (
            f"SELECT service, action, outcome, name, role, by, remote, target FROM {TABLE} ORDER BY at, name"
        )
        return list(await asyncio.to_thread(pool.query, sql))

    rows = await eventually_async(kept, WAIT_SECONDS, "it is written", until=lambda rows: len(rows) >= 3)
    assert rows == [
        ("board", "sign in", "done", f"user-{number}", "viewer", "password", "10.0.0.7", "")
        for number in range(3)
    ]
    assert await warned() == 1
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    audit.tell(Entry("sign out", "done", "user-0"))
    await audit.finish()
    assert len(await kept()) == 4
    pool.close()
