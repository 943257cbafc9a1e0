"""Plain Faust: an agent that takes one event after the other; what has gathered is inserted together.

https://faust-streaming.github.io/faust/userguide/agents.html#the-stream
https://faust-streaming.github.io/faust/userguide/tasks.html#timers
"""

import asyncio
from typing import Any

import faust
from target import BATCH, GROUP, KAFKA, TOPIC, insert

app = faust.App(GROUP, broker=f"kafka://{KAFKA}", web_enabled=False, topic_disable_leader=True)
pending: list[dict[str, Any]] = []
one_at_a_time = asyncio.Lock()
"""An insert is the agent's or the timer's: clickhouse-driver's client serves one thread."""


async def write() -> None:
    async with one_at_a_time:
        events = pending[:]
        pending.clear()
        if events:
            await asyncio.to_thread(insert, events)


@app.agent(app.topic(TOPIC, value_serializer="json"))
async def vouchers(stream: faust.Stream[Any]) -> None:
    async for event in stream:
        pending.append(event)
        if len(pending) >= BATCH:
            await write()


@app.timer(1.0)
async def rest() -> None:
    if not one_at_a_time.locked():
        await write()


app.main()
