"""The load: requests whose bytes are ready before the clock starts, over connections that stay open.

Every function here is to be run in a process of its own, and raises RuntimeError unless each answer is 200
and says that all records were accepted.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.ingest.vouchers import request, requests
from benchmarks.ingest.window import Measured, Window, quiet
from benchmarks.machine import cpu_seconds, forget_peak, peak_memory

_LAST_ANSWERS_SECONDS = 120
_CONNECTIONS_BESIDE = 32
_LONGEST_FILE_SECONDS = 600
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """A server to push to: its port, its process, and the keys of the agencies."""

    port: int
    pid: int
    keys: Sequence[str]


@dataclass
class Paced:
    """Requests sent at a pace. Latencies are seconds from the moment a request was due to its answer."""

    seconds: float
    cpu: float
    sent: int
    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """How long after its moment each request went out: all connections were busy, or the client was."""
    warm_up: int = 0
    """Requests sent before, which nothing else here counts."""

    @property
    def rate(self) -> float:
        """Requests answered a second, from the first due to the last answer."""
        return self.sent / self.seconds


@dataclass(frozen=True)
class FileTook:
    """What a file took: seconds, CPU seconds of ingest, its resident memory in MB before and at its peak."""

    seconds: float
    cpu: float
    memory_before: float
    memory_peak: float


@dataclass(frozen=True)
class FilePush:
    """A file of `rows` pushed alone, then another with single records beside it; `quiet`: those between."""

    rows: int
    bytes: int
    alone: FileTook
    together: FileTook
    quiet: Paced
    beside: Paced


class Connection(asyncio.Protocol):
    """One keep-alive connection, a request at a time; calls `answered` with itself and the body of a 200."""

    def __init__(
        self, answered: "Callable[[Connection, bytes], None]", failed: Callable[[Exception], None]
    ) -> None:
        self._answered = answered
        self._failed = failed
        self._received = b""
        self._waits = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, content: bytes) -> None:
        self._waits = True
        self._transport.write(content)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        self._received = b""
        self._waits = False
        if length is None or not head.startswith(b"HTTP/1.1 200 "):
            status = head.partition(b"\r\n")[0].decode()
            self._failed(RuntimeError(f"answered with {status}: {body[:600].decode(errors='replace')}"))
        else:
            self._answered(self, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits:
            self._failed(RuntimeError(f"the connection was closed instead of an answer: {exc}"))


async def connect(
    port: int, answered: Callable[[Connection, bytes], None], failed: Callable[[Exception], None]
) -> Connection:
    loop = asyncio.get_running_loop()
    _transport, connection = await loop.create_connection(
        lambda: Connection(answered, failed), "127.0.0.1", port
    )
    return connection


def check_answers(answers: Sequence[bytes], records: int) -> None:
    """Raise RuntimeError unless every answer says that all its records were accepted."""
    for body in answers:
        answer = orjson.loads(body)
        if (answer["received"], answer["accepted"]) != (records, records):
            raise RuntimeError(f"not all of {records} records were accepted: {body[:600]!r}")


def closed_loop(
    target: Target,
    run: str,
    number: int,
    *,
    records: int,
    connections: int,
    warm_up: float,
    seconds: float,
) -> Measured:
    """Push as fast as answers come: each connection sends its next request with the answer to its last.

    The window ends early if all of the `number` requests are used up.
    """
    ready = requests(run, number, records, target.keys)

    async def push() -> Measured:
        async with asyncio.timeout(warm_up + seconds + _LAST_ANSWERS_SECONDS):
            return await _closed_loop(
                target, ready, records, connections, lambda: Window(target.pid, warm_up, seconds)
            )

    return asyncio.run(push())


async def _closed_loop(
    target: Target, ready: Sequence[bytes], records: int, connections: int, open_window: Callable[[], Window]
) -> Measured:
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = iter(ready)
    answers: list[bytes] = []
    sent = 0

    def failed(error: Exception) -> None:
        if not finished.done():
            finished.set_exception(error)

    def following(connection: Connection) -> None:
        nonlocal sent
        if not window.closed:
            content = next(left, None)
            if content is not None:
                sent += 1
                connection.send(content)
                return
            try:
                window.close()
            except RuntimeError as error:
                failed(error)
        if len(answers) == sent and not finished.done():
            finished.set_result(None)

    def answered(connection: Connection, body: bytes) -> None:
        window.count()
        answers.append(body)
        following(connection)

    opened = [await connect(target.port, answered, failed) for _ in range(connections)]
    quiet()
    window = open_window()
    for connection in opened:
        following(connection)
    await finished
    for connection in opened:
        connection.close()
    check_answers(answers, records)
    return window.measured(sent)


def open_loop(
    target: Target, run: str, *, records: int, rate: float, connections: int, seconds: float
) -> Paced:
    """Push `rate` requests a second, whatever the answers do; one that finds no connection free waits."""
    ready = requests(run, max(1, round(rate * seconds)), records, target.keys)
    return asyncio.run(_open_loop(target, ready, records, rate, connections))


async def _open_loop(
    target: Target, ready: Sequence[bytes], records: int, rate: float, connections: int
) -> Paced:
    pacer = Pacer(target, ready, records, rate)
    await pacer.connect(connections)
    quiet()
    pacer.start()
    async with asyncio.timeout(len(ready) / rate + _LAST_ANSWERS_SECONDS):
        return await pacer.finish()


class Pacer:
    """Sends requests at a pace until they are used up or it is stopped."""

    def __init__(self, target: Target, ready: Sequence[bytes], records: int, rate: float) -> None:
        self._target = target
        self._ready = ready
        self._records = records
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._opened: list[Connection] = []
        self._free: deque[Connection] = deque()
        self._waiting: deque[int] = deque()
        self._under_way: dict[Connection, int] = {}
        self._answers: list[bytes] = []
        self._due = self._sent = 0
        self._began = self._cpu = 0.0
        self._latencies: list[float] = []
        self._late: list[float] = []

    async def connect(self, connections: int) -> None:
        """Open the connections."""
        self._opened = [
            await connect(self._target.port, self._answered, self.fail) for _ in range(connections)
        ]
        self._free.extend(self._opened)

    def start(self) -> None:
        """Send the first request now."""
        self._began = self._loop.time()
        self._cpu = cpu_seconds(self._target.pid)
        self._tick()

    def stop(self) -> None:
        """Let no more requests become due."""
        self._ready = self._ready[: self._due]

    async def finish(self) -> Paced:
        """Return what was measured once everything due is answered."""
        await self._finished
        took = self._loop.time() - self._began
        cpu = cpu_seconds(self._target.pid) - self._cpu
        for connection in self._opened:
            connection.close()
        check_answers(self._answers, self._records)
        return Paced(took, cpu, self._sent, self._latencies, self._late)

    def fail(self, error: Exception) -> None:
        """End it with an error."""
        if not self._finished.done():
            self._finished.set_exception(error)

    def _moment(self, number: int) -> float:
        return self._began + number / self._rate

    def _tick(self) -> None:
        now = self._loop.time()
        while self._due < len(self._ready) and self._moment(self._due) <= now:
            self._waiting.append(self._due)
            self._due += 1
        self._dispatch()
        if self._due < len(self._ready):
            self._loop.call_at(self._moment(self._due), self._tick)
        else:
            self._see_end()

    def _dispatch(self) -> None:
        while self._waiting and self._free:
            number, connection = self._waiting.popleft(), self._free.popleft()
            self._under_way[connection] = number
            self._late.append(self._loop.time() - self._moment(number))
            self._sent += 1
            connection.send(self._ready[number])

    def _answered(self, connection: Connection, body: bytes) -> None:
        self._latencies.append(self._loop.time() - self._moment(self._under_way.pop(connection)))
        self._answers.append(body)
        self._free.append(connection)
        self._dispatch()
        self._see_end()

    def _see_end(self) -> None:
        if self._due == len(self._ready) == len(self._answers) and not self._finished.done():
            self._finished.set_result(None)


def push_files(
    target: Target,
    runs: tuple[str, str],
    files: tuple[bytes, bytes],
    media_type: str,
    *,
    rows: int,
    rate: float,
    seconds: float,
) -> FilePush:
    """Push a file alone, then single records for some seconds, then another file and single records beside.

    `runs`: of the single records before the second file, and of those beside it.
    """
    alone, together = (request(file, target.keys[0], media_type) for file in files)
    singles = requests(runs[0], max(1, round(rate * seconds)), 1, target.keys[1:])
    beside = requests(runs[1], round(rate * _LONGEST_FILE_SECONDS), 1, target.keys[1:])

    async def push() -> FilePush:
        quiet()
        took = await _push_file(target, alone, rows)
        quietly = await _open_loop(target, singles, 1, rate, _CONNECTIONS_BESIDE)
        pacer = Pacer(target, beside, 1, rate)
        await pacer.connect(_CONNECTIONS_BESIDE)
        pacer.start()
        also = await _push_file(target, together, rows)
        pacer.stop()
        return FilePush(rows, len(together), took, also, quietly, await pacer.finish())

    return asyncio.run(push())


async def _push_file(target: Target, file: bytes, rows: int) -> FileTook:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def answered(_connection: Connection, body: bytes) -> None:
        answer.set_result(body)

    connection = await connect(target.port, answered, answer.set_exception)
    forget_peak(target.pid)
    memory, cpu, began = peak_memory(target.pid), cpu_seconds(target.pid), time.perf_counter()
    connection.send(file)
    async with asyncio.timeout(_LONGEST_FILE_SECONDS):
        body = await answer
    took = FileTook(
        time.perf_counter() - began, cpu_seconds(target.pid) - cpu, memory, peak_memory(target.pid)
    )
    connection.close()
    check_answers([body], rows)
    return took
