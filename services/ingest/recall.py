"""The receipts of the newest pushes, read back at the start, to be looked up before they are counted.

A process has its own pushes' receipts in memory. After a restart they are only on their topic until the
aggregator has stored them, which may be away.
"""

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.receipt import Receipt
from schemas.streams import RECEIPT_TOPIC
from services.platform.errors import Unavailable
from services.platform.kafka import stop_consumer

MOST = 20_000
"""No more of them fit into the memory of `Receipts` anyway."""
_BEYOND = 5_000
_SILENCE_MS = 300
_TIMEOUT_MS = 5_000


async def recall(bootstrap: str, remember: Callable[[str, bytes], None]) -> int:
    """Hand the newest receipts on their topic to `remember`, the oldest of them first; return their number.

    Raises Unavailable if the broker does not give them.
    """
    place = TopicPartition(RECEIPT_TOPIC, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="minmai-ingest-recall",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,  # the embedded broker lets a waiting fetch sleep through what comes in
        request_timeout_ms=_TIMEOUT_MS,
    )
    number = 0
    try:
        await consumer.start()
        consumer.assign([place])
        # The embedded broker answers the start of the last batch instead of the end: so silence is the end.
        [begin] = (await consumer.beginning_offsets([place])).values()
        [end] = (await consumer.end_offsets([place])).values()
        consumer.seek(place, max(begin, end - MOST))
        at = begin
        while at < end + _BEYOND and (found := await consumer.getmany(place, timeout_ms=_SILENCE_MS)):
            for message in found[place]:
                try:
                    receipt = Receipt.model_validate_json(message.value or b"")
                except ValidationError:
                    continue  # the aggregator makes it a dead letter
                remember(receipt.receipt, message.value)
                number += 1
            at = found[place][-1].offset
    except (KafkaError, OSError) as error:
        raise Unavailable(f"the receipts on {RECEIPT_TOPIC} cannot be read back: {error!r}") from error
    finally:
        await stop_consumer(consumer)
    return number
