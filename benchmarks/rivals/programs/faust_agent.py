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


async def write() -> None:
    events = pending[:]
    pending.clear()
    await asyncio.to_thread(insert, events)


@app.agent(app.topic(TOPIC, value_serializer="json"))
async def vouchers(stream: faust.Stream[Any]) -> None:
    async for event in stream:
        pending.append(event)
        if len(pending) >= BATCH:
            await write()


@app.timer(1.0)
async def rest() -> None:
    if pending and len(pending) < BATCH:
        await write()


app.main()
