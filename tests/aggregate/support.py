"""What the aggregate tests share: events, and a block path that works on made-up messages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import orjson

from schemas.dead_letter import DeadLetter
from schemas.envelope import event_type, fingerprint
from schemas.streams import STREAMS
from services.aggregate.blocks import Block, Claims, Place
from services.aggregate.pipeline import BlockPath
from services.aggregate.touches import Told
from services.platform.clickhouse import ClickHouse


@dataclass
class Message:
    offset: int
    value: bytes | None
    timestamp: int = 0


def event(stream: str, source: str, id: str, time: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """An event as ingest writes it, as a plain dict."""
    contract = STREAMS[stream]
    model = contract.model.model_validate(data)
    body = model.model_dump(mode="json")
    moment = time.astimezone(UTC)
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event_type(stream),
        "subject": contract.subject(body),
        "time": moment.isoformat(),
        "datacontenttype": "application/json",
        "receivedtime": "2026-01-01T00:00:00+00:00",
        "receipt": "r-1",
        "fingerprint": fingerprint(event_type(stream), contract.subject(body), moment, model),
        "data": body,
    }


def messages(events: Iterable[dict[str, Any]], first: int = 0) -> list[Message]:
    return [Message(offset, orjson.dumps(one)) for offset, one in enumerate(events, start=first)]


@dataclass
class Worker:
    """One aggregator's block path, with its outputs kept in memory."""

    clickhouse: ClickHouse
    letters: list[DeadLetter] = field(default_factory=list)
    counted_memory: int = 1 << 20
    heard: Callable[[Told], None] = lambda _told: None
    path: BlockPath = field(init=False)

    def __post_init__(self) -> None:
        async def refuse(letters: Sequence[DeadLetter]) -> None:
            self.letters.extend(letters)

        claims = Claims(self.clickhouse, f"test/{uuid4()}")
        self.path = BlockPath(
            self.clickhouse,
            claims,
            refuse,
            ZoneInfo("Asia/Shanghai"),
            self.heard,
            counted_memory=self.counted_memory,
        )

    async def count(self, place: Place, stretch: Sequence[Message]) -> None:
        """Claim and count a stretch that is one block, the newest of its partition or the next."""
        await self.path.count(await self.claim(place, stretch), self.path.read(place, stretch))

    async def claim(self, place: Place, stretch: Sequence[Message]) -> Block:
        """Claim a stretch that is one block, the newest of its partition or the next."""
        wanted = Block(place, stretch[0].offset, stretch[-1].offset)
        agreed = await self.path.claim(wanted)
        assert agreed == wanted, "others have claimed this block otherwise, or one behind it"
        return agreed


def place(stream: str, topic_id: UUID | None = None) -> Place:
    return Place(STREAMS[stream].topic, topic_id or uuid4(), 0)
