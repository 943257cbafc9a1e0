"""Agencies at work whatever happens to minmai: over HTTP, with files, through a topic of their own.

Each makes up its records as it goes: new ones, old ones again, old ids with other content, and wrong ones.
What is not answered is sent again, so that in the end every record has been told to minmai at least once.
"""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from kafka import KafkaProducer
from kafka.errors import KafkaError
from openpyxl import Workbook

from services.ingest.feeds.names import feed_topic
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE
from services.platform.errors import Unavailable
from services.platform.topics import topic_ids
from tests.support.waiting import eventually

STREAM = "consumption-voucher"
CONTRADICTION = "77777.77"
"""Face value of a record whose id had another content before."""

_ANSWERED_SECONDS = 180
_ACKNOWLEDGED_SECONDS = 5

Record = dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How large pushes are, in new records (each as likely as the others), and how long it is to the next."""

    sizes: Sequence[int]
    pause: tuple[float, float] = (0.0, 0.0)
    """Seconds, between these."""


class Answer(NamedTuple):
    """What ingest said of a push, without its errors."""

    receipt: str
    received: int
    accepted: int
    duplicate: int
    rejected: int


class Batch(NamedTuple):
    """What goes into one push."""

    new: list[Record]
    again: list[Record]
    contradicting: list[Record]
    wrong: list[Record]

    def records(self) -> list[Record]:
        return [*self.new, *self.again, *self.contradicting, *self.wrong]


class Sender(ABC):
    """One agency."""

    def __init__(self, name: str, pace: Pace) -> None:
        self.name = name
        self.good: dict[str, Record] = {}
        """By id, the right records that minmai has taken."""
        self.wrong: set[str] = set()
        """Ids of the records that it must have refused."""
        self.contradicted: set[str] = set()
        """Ids that were told with other content later."""
        self.answers: list[Answer] = []
        self.pushes = 0
        self.interrupted = 0
        """How often something was not answered, or answered 503."""
        self._pace = pace
        self._random = Random(name)
        self._numbers = count()

    def work(self, stopped: Event) -> None:
        """Push until `stopped`."""
        while not stopped.is_set():
            batch = self._batch()
            records = batch.records()
            self._random.shuffle(records)
            self._push(batch, records)
            self.good |= {record["id"]: record for record in batch.new}
            self.wrong |= {record["id"] for record in batch.wrong}
            self.contradicted |= {record["id"] for record in batch.contradicting}
            self.pushes += 1
            stopped.wait(self._random.uniform(*self._pace.pause))
        self._settle()

    @abstractmethod
    def _push(self, batch: Batch, records: list[Record]) -> None:
        """Have minmai take the records of a batch, in this order."""

    @abstractmethod
    def _settle(self) -> None:
        """Make sure, at the end, of what is in doubt."""

    def _batch(self) -> Batch:
        new = [self._record() for _ in range(self._random.choice(self._pace.sizes))]
        sure = [id for id in self.good if id not in self.contradicted]
        old = self._random.sample(sure, min(len(sure), 3))
        wrong = [
            self._record(face_value="五十") for _ in new[: self._random.choice((0, 0, 1, len(new) // 20))]
        ]
        return Batch(
            new=new,
            again=[self.good[id] for id in old[:2]],
            contradicting=[self.good[id] | {"face_value": CONTRADICTION} for id in old[2:] if self._seldom()],
            wrong=wrong,
        )

    def _seldom(self) -> bool:
        return self._random.random() < 0.2

    def _record(self, **changes: Any) -> Record:
        id = f"{self.name}-{next(self._numbers)}"
        return {
            "id": id,
            "time": datetime.now(UTC).isoformat(),
            "voucher_id": id,
            "campaign": "qihua",
            "step": "issued",
            "face_value": f"{self._random.randint(1_00, 200_00) / 100:.2f}",
            "sector": self._random.choice(("catering", "retail")),
            "division": self._random.choice(("532622101", "532622102")),
        } | changes


class HttpSender(Sender):
    """Pushes over HTTP, each push again until it is answered."""

    def __init__(self, name: str, pace: Pace, url: str, key: str) -> None:
        super().__init__(name, pace)
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def _push(self, batch: Batch, records: list[Record]) -> None:
        media_type, body = self._written(records)

        def attempt() -> httpx.Response:
            try:
                response = self._client.post(
                    f"/v1/streams/{STREAM}", content=body, headers={"Content-Type": media_type}
                )
            except httpx.TransportError as error:  # ingest itself has died
                self.interrupted += 1
                raise AssertionError(error) from error
            self.interrupted += response.status_code == 503
            return response

        response = eventually(
            attempt, _ANSWERED_SECONDS, "a push is answered", until=lambda answer: answer.status_code != 503
        )
        self._check(batch, records, response)

    def _settle(self) -> None:
        """Nothing is: all has been answered."""

    def _check(self, batch: Batch, records: list[Record], response: httpx.Response) -> None:
        """The answer is right; a contradiction is refused where the first record has been counted by then."""
        assert response.status_code in (200, 207), response.text
        found = response.json()
        answer = Answer(*(found[name] for name in Answer._fields))
        refused = {records[error["index"]]["id"] for error in found["errors"]}
        wrong = {record["id"] for record in batch.wrong}
        contradicting = {record["id"] for record in batch.contradicting}
        assert wrong <= refused <= wrong | contradicting, (
            f"not refused: {wrong - refused}, refused: {refused - wrong - contradicting}: {response.text}"
        )
        assert response.status_code == (207 if refused else 200)
        assert answer.received == len(records) == sum(answer[2:])
        assert answer.rejected == len(refused)
        assert answer.accepted <= len(batch.new) + len(batch.again) + len(batch.contradicting)
        self.answers.append(answer)

    @abstractmethod
    def _written(self, records: list[Record]) -> tuple[str, bytes]:
        """The media type and the body of a push."""


class ApiSender(HttpSender):
    """A system of an agency: JSON."""

    def _written(self, records: list[Record]) -> tuple[str, bytes]:
        return "application/json", json.dumps(records, ensure_ascii=False).encode()


class FileSender(HttpSender):
    """A person with sheets: CSV and XLSX."""

    def _written(self, records: list[Record]) -> tuple[str, bytes]:
        rows = [list(records[0]), *(list(record.values()) for record in records)]
        return (XLSX_TYPE, _xlsx(rows)) if self._random.random() < 0.5 else (CSV_TYPE, _csv(rows))


class TopicSender(Sender):
    """Writes to the agency's own topic; when that was made anew, everything again: it may have been lost."""

    def __init__(self, name: str, pace: Pace, bootstrap: str) -> None:
        super().__init__(name, pace)
        self._bootstrap = bootstrap
        self._topic = feed_topic(name)
        self._life: UUID | None = None
        self._written: list[Record] = []

    def _push(self, batch: Batch, records: list[Record]) -> None:
        self._written += records
        self._write(records)

    def _settle(self) -> None:
        self._write([])

    def _write(self, records: list[Record]) -> None:
        eventually(
            lambda: self._lies_there(records), _ANSWERED_SECONDS, f"{self._topic} has what was written"
        )

    def _lies_there(self, records: list[Record]) -> bool:
        """Write them, and whatever the topic may have lost; False if it was made anew meanwhile."""
        life = self._now_living()
        self._send(records if life == self._life else self._written)
        self._life = life
        return self._now_living() == life

    def _now_living(self) -> UUID:
        ids = topic_ids(self._bootstrap, [self._topic])
        if self._topic not in ids:
            self.interrupted += 1
            raise Unavailable(f"{self._topic} is not there")
        return ids[self._topic]

    def _send(self, records: Iterable[Record]) -> None:
        try:
            producer = KafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=False, acks="all")
            try:
                sent = [producer.send(self._topic, _event(self.name, record)) for record in records]
                for one in sent:
                    one.get(_ACKNOWLEDGED_SECONDS)
            finally:
                producer.close(timeout=1)
        except (KafkaError, OSError) as error:
            self.interrupted += 1
            raise Unavailable(str(error)) from error


@contextmanager
def at_work(senders: Sequence[Sender]) -> Iterator[Callable[[Sequence[Sender], float], None]]:
    """While the block runs the senders push; at its end all is taken.

    Gives a function that waits, so many seconds at most, until each of some has pushed once more.
    """
    stopped = Event()
    with ThreadPoolExecutor(len(senders)) as pool:
        working = [pool.submit(sender.work, stopped) for sender in senders]

        def go_on(some: Sequence[Sender], seconds: float) -> None:
            before = [sender.pushes for sender in some]

            def all_have() -> bool:
                return all(sender.pushes > old for sender, old in zip(some, before, strict=True))

            eventually(
                lambda: all_have() or any(one.done() for one in working),
                seconds,
                f"pushes go on after {before}",
            )
            for one in working:
                if one.done():
                    one.result()  # which says why it gave up

        try:
            yield go_on
        finally:
            stopped.set()
        for one in working:
            one.result()


def _event(source: str, record: Record) -> bytes:
    data = {name: value for name, value in record.items() if name not in ("id", "time")}
    attributes = {"specversion": "1.0", "source": source, "type": f"minmai.{STREAM}.v1"}
    event = attributes | {"id": record["id"], "time": record["time"], "data": data}
    return json.dumps(event, ensure_ascii=False).encode()


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
