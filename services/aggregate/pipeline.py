"""The aggregator's whole path on one page: from a stretch of a partition to changed figures.

For every partition it owns, again and again:

1. read      the records that fetches returned, in the order of the partition;
2. decode    bytes to checked records; what is no event becomes a dead letter;
3. claim     agree on the block's boundaries, so that every try inserts the same rows;
4. sift      drop what was counted before; same id with other content becomes a dead letter;
5. insert    one block into the log table under its token; its views follow in the same insert;
6. withdraw  take voucher money that is withdrawn out of its sums;
7. refuse    send the dead letters and wait until the broker has them;
8. account   write down what became of each push's records, for its receipt;
9. tell      write down which entities and days were touched, and which identities count;
             8 and 9 are one statement each for all blocks of a round, and so is what 3 and 6 read;
             vouchers, the other streams and the audit have rounds of their own;
10. commit   the offset, for those who watch the lag: what was done stands in ClickHouse.

While a block is in 3 to 10 the next one is in 2, and the one after that in 1, if so much waits. Neither has
an effect outside the worker: a block is claimed only when the one before it has been counted to its end.

Beside it, in the one worker that keeps the figures, whenever something was told or the day has changed:

11. refresh  bring the touched figures up to the records, history first, then live; then write down which
             blocks they show. For a rebuild another keeper prepares beside, then takes over;
12. publish  what changed on `minmai.indicator.v1`, after the tables have it.

The topics of dead letters, receipts and refused pushes take the same way into tables `dead_letter`, `receipt`
and `refused_push`, which keep one row by the id.

A worker may die between any two steps. The next owner begins with the newest claimed block, which either
changes nothing or completes it; and every keeper begins by reading everything that stands.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.dead_letter import DeadLetter
from schemas.indicator import Figure
from schemas.receipt import Receipt
from schemas.refused_push import RefusedPushes
from schemas.streams import (
    DEAD_LETTER_TOPIC,
    RECEIPT_TOPIC,
    REFUSED_PUSH_TOPIC,
    RETRACTION,
    STREAMS,
    Stream,
)
from services.aggregate import metrics
from services.aggregate.blocks import Block, Claims, Place
from services.aggregate.counted import Sieve
from services.aggregate.former import complete, unfinished
from services.aggregate.keeper import Keeper
from services.aggregate.receipts import Outcome, account, read_audit, receipt_columns, refused_push_columns
from services.aggregate.records import (
    Message,
    Records,
    conflicts,
    dead_letter_columns,
    insert,
    read_dead_letters,
)
from services.aggregate.stretch import Stretch
from services.aggregate.together import Together
from services.aggregate.touches import VOUCHERS, Told, Touched, Touches, touched_by, touched_by_withdrawal
from services.aggregate.waiting import patiently
from services.aggregate.withdrawals import take_out_late, take_out_withdrawn, withdrawn_by
from services.platform.clickhouse import ClickHouse

log = logging.getLogger(__name__)

BY_TOPIC = {stream.topic: stream for stream in STREAMS.values()}
_AUDIT = frozenset({DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC})
TOPICS = [*BY_TOPIC, *_AUDIT]

_VOUCHERS = frozenset({STREAMS[VOUCHERS].topic})
LANES = (_VOUCHERS, frozenset(BY_TOPIC) - _VOUCHERS, _AUDIT)
"""Topics whose partitions are counted round by round together, beside the others.

What an agency says of a place does not wait behind a campaign's vouchers, and nothing for the audit.
"""

SendDeadLetters = Callable[[Sequence[DeadLetter]], Awaitable[None]]
SendFigures = Callable[[Sequence[Figure]], Awaitable[None]]


class BlockPath:
    """Steps 2 to 9: `read`, then `claim`, then `count`."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        claims: Claims,
        refuse: SendDeadLetters,
        zone: ZoneInfo,
        told: Callable[[Told], None],
        *,
        counted_memory: int,
    ) -> None:
        """`counted_memory`: bytes for the identities of each stream; see `counted.py`."""
        self._clickhouse = clickhouse
        self._claims = claims
        self._refuse = refuse
        self._zone = zone
        self._told = told
        self._sieve = Sieve(clickhouse, counted_memory)
        self._touches = Touches(clickhouse)
        self._agreed = Together(self._agree)
        self._late = Together(self._take_out_late)
        self._written = {
            topic: written for lane in LANES for written in [Together(self._write_down)] for topic in lane
        }

    def forget(self, topics: Iterable[str]) -> None:
        """Forget what is in memory of these topics: others may have counted what it does not hold.

        Not amid a block of theirs.
        """
        self._sieve.forget([BY_TOPIC[topic] for topic in topics if topic in BY_TOPIC])

    async def newest_claim(self, place: Place) -> Block | None:
        """Return the block a new owner of a partition begins with."""
        return await patiently(lambda: self._claims.newest(place))

    async def complete_former(self, topic: str, topic_id: UUID) -> None:
        """Complete what was in hand when former lives of a topic ended, before copies of it are counted."""
        stream = BY_TOPIC.get(topic)
        if stream is None:
            return
        for block in await patiently(lambda: unfinished(self._clickhouse, stream, topic_id)):
            await patiently(partial(self._complete, stream, block))

    def _complete(self, stream: Stream, block: Block) -> None:
        records = complete(self._clickhouse, stream, block)
        if stream.name == VOUCHERS:
            take_out_late(self._clickhouse, [records])
        touched = self._withdraw(stream, records)
        self._touches.tell([Told(block, stream.name, touched, records.identity[:, 0])])

    def read(self, place: Place, messages: Sequence[Message]) -> Stretch:
        """Begin to decode messages that follow each other; also while the block before them is counted."""
        stream = BY_TOPIC.get(place.topic)
        return Stretch(messages) if stream is None else Stretch.read(stream, place, messages)

    async def claim(self, wanted: Block) -> Block:
        """Agree on a block that begins where `wanted` does; its end may differ."""
        with self._agreed.expected() as agreed:
            await asyncio.sleep(0)  # the other partitions of the fetch are about to ask as well
            return await agreed(wanted)

    async def _agree(self, wanted: Sequence[Block]) -> list[Block]:
        return await patiently(lambda: self._claims.claim(wanted))

    async def count(self, block: Block, stretch: Stretch) -> None:
        """Count a claimed block, whole: `stretch` has all messages of it and no others."""
        messages = stretch.messages
        if block.place.topic == DEAD_LETTER_TOPIC:
            letters = read_dead_letters(block.place, messages)
            await patiently(lambda: self._clickhouse.insert("dead_letter", dead_letter_columns(letters)))
            return
        if block.place.topic == RECEIPT_TOPIC:
            receipts, strangers = read_audit(Receipt, block.place, messages, strange_code="not_a_receipt")
            await patiently(lambda: self._clickhouse.insert("receipt", receipt_columns(receipts)))
            await self._refuse(strangers)
            return
        if block.place.topic == REFUSED_PUSH_TOPIC:
            pushes, strangers = read_audit(
                RefusedPushes, block.place, messages, strange_code="not_a_refused_push"
            )
            await patiently(lambda: self._clickhouse.insert("refused_push", refused_push_columns(pushes)))
            await self._refuse(strangers)
            return
        with self._written[block.place.topic].expected() as written:
            await written(await self._count(BY_TOPIC[block.place.topic], block, stretch))
        metrics.fresh(metrics.COUNTED_SECONDS, block.written_at)

    async def _count(self, stream: Stream, block: Block, stretch: Stretch) -> tuple[Outcome, Told]:
        assert stretch.decoding is not None
        with self._late.expected() if stream.name == VOUCHERS else nullcontext() as take_out_late:
            records, refused = await stretch.decoding
            sifted = await patiently(lambda: self._sieve.sift(stream, block, records))
            await patiently(lambda: insert(self._clickhouse, stream, block, sifted.new))
            if take_out_late is not None:
                await take_out_late(sifted.new)
        touched = await patiently(lambda: self._withdraw(stream, sifted.new))
        told = Told(block, stream.name, touched, sifted.new.identity[:, 0])
        self._told(told)  # the figures need not wait for what else is written down
        await self._refuse([*refused, *conflicts(stream, block, sifted.conflicts)])
        new, duplicates, conflicting = map(len, sifted)
        metrics.count(stream.name, new, duplicates, conflicting, len(refused))
        return Outcome(stream, block, sifted), told

    async def _write_down(self, counted: Sequence[tuple[Outcome, Told]]) -> list[None]:
        # One after the other: the figures are being refreshed meanwhile, and wait for ClickHouse as well.
        await patiently(lambda: account(self._clickhouse, [outcome for outcome, _ in counted]))
        await patiently(lambda: self._touches.tell([told for _, told in counted]))
        return [None] * len(counted)

    async def _take_out_late(self, counted: Sequence[Records]) -> list[None]:
        await patiently(lambda: take_out_late(self._clickhouse, counted))
        return [None] * len(counted)

    def _withdraw(self, stream: Stream, new: Records) -> Touched:
        """Take what retractions withdraw out of the vouchers' sums; return what the block touched."""
        if stream is not RETRACTION:
            return touched_by(stream.name, new, self._zone)
        identities = withdrawn_by(new)
        take_out_withdrawn(self._clickhouse, identities.get(VOUCHERS, []))
        return touched_by_withdrawal(self._clickhouse, identities, self._zone)


class FigurePath:
    """Steps 11 and 12; and a rebuild, which is another keeper that prepares beside and takes over."""

    def __init__(self, keeper: Callable[[], Keeper], publish: SendFigures, zone: ZoneInfo) -> None:
        """`keeper` makes a new one, and may block; a day is one of `zone`."""
        self._new_keeper = keeper
        self._zone = zone
        self._keeper: Keeper | None = None
        self._next: asyncio.Task[Keeper] | None = None
        self._publish = publish
        self._meanwhile: list[Told] = []
        """What was heard since `_next` began to prepare: it may have read the tables before."""

    def hear(self, told: Told) -> None:
        """Take in what a block of this worker touched; the next refresh looks there."""
        if self._keeper is not None:
            self._keeper.hear(told)
        if self._next is not None:
            self._meanwhile.append(told)

    async def begin(self, still_wanted: Callable[[], bool]) -> None:
        """Take over the figures, and publish every live one; unless that is not wanted once all is read."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
            self._meanwhile.clear()
        prepared = await self._prepared()
        if still_wanted():
            await self._take_over(prepared)

    async def superseded(self) -> bool:
        """Whether another worker has taken over the figures since."""
        return self._keeper is not None and await patiently(self._keeper.superseded)

    async def refresh(self, clock: Callable[[], datetime | None], *, look: bool) -> None:
        """Bring the figures up to what has been heard and, with `look`, to what other workers have told.

        With `look` also begin a rebuild that was asked for, or finish it. Writes nothing while `clock`, which
        may block, tells no time yet.
        """
        if look and self._next is not None and self._next.done():
            prepared = self._next.result()
            await self._take_over(prepared)
            self._next = None
            for told in self._meanwhile:
                prepared.hear(told)
            self._meanwhile.clear()
        keeper = self._keeper
        assert keeper is not None
        with metrics.REFRESH_SECONDS.time():
            # Together: what is told of a day that this clock has not come to, the next round shows.
            now, _ = await asyncio.gather(patiently(clock), patiently(lambda: keeper.take(look=look)))
            if now is None:
                return
            today = now.astimezone(self._zone).date()
            await self._publish(await patiently(lambda: keeper.write(today, now, look=look)))
        if look and self._next is None and await patiently(keeper.asked_anew):
            log.info(
                "a rebuild was asked for: everything that stands is read, beside the figures as they are"
            )
            self._next = asyncio.create_task(self._prepared(), name="rebuild")

    async def _prepared(self) -> Keeper:
        keeper = await asyncio.to_thread(self._new_keeper)
        await patiently(keeper.prepare)
        return keeper

    async def _take_over(self, keeper: Keeper) -> None:
        await self._publish(await patiently(keeper.take_over))
        self._keeper = keeper
