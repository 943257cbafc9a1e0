"""What was written to the topics, and what must come of it: counted by plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from cli.sample.truth import stream_of
from schemas.dead_letter import sealed
from schemas.envelope import identity
from schemas.streams import STREAMS
from services.ingest.message import Message
from tests.kills.load import Event, read

_STREAM = {stream.topic: stream.name for stream in STREAMS.values()}


class Row(NamedTuple):
    """What a log table must hold of a record that counts."""

    source: str
    id: str
    identity: UUID
    fingerprint: UUID
    receipt: str


@dataclass
class Outcome:
    """What became of the records of a push: their identities."""

    counted: set[UUID] = field(default_factory=set)
    duplicate: set[UUID] = field(default_factory=set)
    conflict: set[UUID] = field(default_factory=set)


class Books:
    """Everything written, in the order of writing; of the copies of a record the first one counts."""

    def __init__(self) -> None:
        self.written = 0
        """Records, whatever became of them."""
        self.counted: list[Event] = []
        self.rows: defaultdict[str, dict[UUID, Row]] = defaultdict(dict)
        self.outcomes: defaultdict[str, Outcome] = defaultdict(Outcome)
        self.feeds: Counter[tuple[str, str]] = Counter()
        """Records by source and stream."""
        self.conflicts: set[str] = set()
        """The ids of dead letters: the same contradiction repeated is one."""
        self.garbage: Counter[str] = Counter()
        """Dead letters by what they hold."""
        self.others: defaultdict[str, set[UUID]] = defaultdict(set)
        """By topic, the ids of what is no record of a stream."""

    def add(self, messages: Iterable[Message]) -> None:
        """Enter what the broker has acknowledged."""
        for message in messages:
            stream = _STREAM.get(message.topic)
            if stream is None:
                self.others[message.topic].add(UUID(int=message.identity))
                continue
            self.written += 1
            event = read(message)
            if event is None:
                self.garbage[sealed(message.value)[1]] += 1
            else:
                self._add(stream, event)

    def _add(self, stream: str, event: Event) -> None:
        assert stream == stream_of(event)
        source, id, receipt = event["source"], event["id"], event["receipt"]
        name, said = UUID(int=identity(source, id)), UUID(event["fingerprint"])
        first = self.rows[stream].setdefault(name, Row(source, id, name, said, receipt))
        outcome = self.outcomes[receipt]
        if said != first.fingerprint:
            outcome.conflict.add(name)
            self.conflicts.add(f"conflict/{name}/{said}")
        elif receipt != first.receipt:
            outcome.duplicate.add(name)
        elif name not in outcome.counted:
            outcome.counted.add(name)
            self.counted.append(event)
            self.feeds[source, stream] += 1
