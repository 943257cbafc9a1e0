"""A stretch of a partition that is read ahead: decoded in a thread while the block before it is counted.

Decoding has no effect but its result, so it may come before the claim. Where the agreed block turns out to be
another stretch than the one that was read, the messages are decoded again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from schemas.dead_letter import DeadLetter
from schemas.streams import Stream
from services.aggregate.blocks import Place
from services.aggregate.records import Message, Records, decode

Decoding = asyncio.Task[tuple[Records, list[DeadLetter]]]


@dataclass(frozen=True)
class Stretch:
    """Messages of one partition that follow each other; `decoding` is None for those of the audit."""

    messages: Sequence[Message]
    decoding: Decoding | None = None

    @classmethod
    def read(cls, stream: Stream, place: Place, messages: Sequence[Message]) -> Self:
        """Begin to decode messages of a stream; see `records.decode`."""
        # In a thread: 20,000 records take longer than the group coordinator waits for a heartbeat.
        return cls(messages, asyncio.create_task(asyncio.to_thread(decode, stream, place, messages)))

    @property
    def last(self) -> int:
        """The last offset; -1 if there is no message."""
        return self.messages[-1].offset if self.messages else -1

    def drop(self) -> None:
        """Give up what nobody waits for any more."""
        if self.decoding is not None:
            self.decoding.cancel()
