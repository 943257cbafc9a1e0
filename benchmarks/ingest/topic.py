"""What lies on the topic afterwards, held against what was answered."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.ingest.vouchers import STREAM

_READ_SECONDS = 300
_QUIET_MS = 1_000


class MiscountedError(Exception):
    """The topic has other records than were answered as accepted."""


class Found(NamedTuple):
    """What was found: records, and copies of them beside."""

    records: int
    copies: int


class Topic:
    """The stream's topic; every look begins where the last one ended."""

    def __init__(self, kafka: str, partitions: int) -> None:
        self._kafka = kafka
        self._read = {TopicPartition(STREAM.topic, number): 0 for number in range(partitions)}

    def check(self, accepted: Mapping[str, int]) -> Found:
        """Read what came since the last look: records 0 to so many of each run, no other and none missing.

        A copy of a record does no harm, for it counts once. Raises MiscountedError.
        """
        numbers, messages = asyncio.run(self._news())
        for run, expected in accepted.items():
            found = numbers.pop(run, set())
            if found != (wanted := set(range(expected))):
                raise MiscountedError(
                    f"run {run}: {expected} records were answered as accepted; on the topic "
                    f"{len(wanted - found)} of them are missing and {len(found - wanted)} others lie"
                )
        if numbers:
            raise MiscountedError(f"records of runs that nobody sent now: {', '.join(numbers)}")
        records = sum(accepted.values())
        return Found(records, messages - records)

    async def _news(self) -> tuple[dict[str, set[int]], int]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka, max_partition_fetch_bytes=16 << 20, fetch_max_bytes=64 << 20
        )
        await consumer.start()
        numbers: defaultdict[str, set[int]] = defaultdict(set)
        messages = 0
        try:
            consumer.assign(list(self._read))
            ends = await consumer.end_offsets(list(self._read))
            for place, offset in self._read.items():
                consumer.seek(place, offset)
            news: dict[TopicPartition, list[Any]] = {}
            async with asyncio.timeout(_READ_SECONDS):
                # The embedded broker counts its last batch as one record: its end is the least there is.
                while news or any(self._read[place] < end for place, end in ends.items()):
                    news = await consumer.getmany(timeout_ms=_QUIET_MS, max_records=50_000)
                    for place, batch in news.items():
                        self._read[place] = batch[-1].offset + 1
                        messages += len(batch)
                        for message in batch:
                            value = orjson.loads(message.value)
                            run, _, number = value.get("data", value)["voucher_id"].rpartition("-")
                            numbers[run].add(int(number))
        finally:
            await consumer.stop()
        return dict(numbers), messages
