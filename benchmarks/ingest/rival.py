"""The bare rivals, with nothing of what ingest does around: no check, no receipt, no journal.

`produce` is for batches: bodies from memory, parsed by orjson, each record put on the topic by aiokafka's
batch builder, without HTTP. The application is for single records: the route one would write first.

    python -m benchmarks.ingest.rival KAFKA PORT
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import cycle

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.ingest.vouchers import STREAM, bodies
from benchmarks.ingest.window import Measured, Window, quiet

_BATCH_BYTES = 900_000


def produce(
    kafka: str,
    partitions: int,
    run: str,
    number: int,
    *,
    records: int,
    in_flight: int,
    warm_up: float,
    seconds: float,
) -> Measured:
    """Produce batches as fast as acknowledgements come; `sent` counts batches."""
    ready, places = list(bodies(run, number, records)), cycle(range(partitions))
    return asyncio.run(
        _produce(kafka, iter(ready), places, in_flight, lambda: Window(os.getpid(), warm_up, seconds))
    )


async def _produce(
    kafka: str,
    left: Iterator[bytes],
    places: Iterator[int],
    in_flight: int,
    open_window: Callable[[], Window],
) -> Measured:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        quiet()
        window = open_window()
        sent = await asyncio.gather(
            *(_one_after_another(producer, window, left, places) for _ in range(in_flight))
        )
        return window.measured(sum(sent))
    finally:
        await producer.stop()


async def _one_after_another(
    producer: AIOKafkaProducer, window: Window, left: Iterator[bytes], places: Iterator[int]
) -> int:
    sent = 0
    while not window.closed:
        body = next(left, None)
        if body is None:
            window.close()
            break
        batch = producer.create_batch()
        for record in orjson.loads(body):
            if batch.append(key=None, value=orjson.dumps(record), timestamp=None) is None:
                raise RuntimeError("a body is larger than the producer's batch")
        batch.close()
        await (await producer.send_batch(batch, STREAM.topic, partition=next(places)))
        window.count()
        sent += 1
    return sent


def create_app(kafka: str) -> Starlette:
    """Return the application: read, parse, produce, answer."""
    producers: list[AIOKafkaProducer] = []

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    async def push(request: Request) -> Response:
        record = orjson.loads(await request.body())
        await producers[0].send_and_wait(STREAM.topic, orjson.dumps(record))
        return Response(orjson.dumps({"received": 1, "accepted": 1}), media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response()

    routes = [Route(f"/v1/streams/{STREAM.name}", push, methods=["POST"]), Route("/readyz", ready)]
    return Starlette(routes=routes, lifespan=life)


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), port=int(sys.argv[2]), access_log=False, log_level="warning")
