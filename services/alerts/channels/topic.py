"""The topic minmai.alert.v1: every change for other systems, as an AlertChange keyed `{rule}/{division}`.

It is a channel like the others, so that a crash between the log and the broker loses no change there either.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.alert import AlertChange
from schemas.streams import ALERT_TOPIC
from services.alerts.channels import AddressError, Language, Limits, Notice, Outcome, Recipient, Why


class Topic:
    """Produces to the alert topic."""

    name = "topic"
    limits = Limits()
    alike = True

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """The topic's name, which is no secret; there is this one topic."""
        if address != ALERT_TOPIC:
            raise AddressError(f"{address}: 预警主题只有 {ALERT_TOPIC} · the only topic is {ALERT_TOPIC}")
        return Recipient(address, address, language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """The change itself: the topic hears of each by a notice of its own."""
        [change] = changes
        return change.model_dump_json().encode()

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """Delivered when the broker has acknowledged; anything else may pass.

        A producer for each notice: changes are few, and a broker that was away, or made its topics again,
        leaves nothing behind.
        """
        [change] = notice.covers
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="minmai-alerts",
            acks="all",
            request_timeout_ms=10_000,
        )
        try:
            await producer.start()
            done = await producer.send_and_wait(
                to.address,
                notice.payload,
                key=f"{change.rule}/{change.division}".encode(),
                headers=[("idempotency-key", str(notice.notice_id).encode())],
            )
        except (KafkaError, OSError) as error:
            return Outcome("retry", f"{type(error).__name__}: {error}")
        finally:
            # Without a broker it may raise the CancelledError of a task of its own, which is not ours.
            await asyncio.wait({asyncio.ensure_future(producer.stop())})
        return Outcome("delivered", f"{done.topic}/{done.partition}/{done.offset}")

    async def close(self) -> None:
        """Nothing is kept open."""
