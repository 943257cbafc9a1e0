"""Rounds: an alert begins or ends, the service is killed on the way of its notices, and starts again.

What must be so afterwards is known exactly. The change is in the log once; each recipient has one notice of
it, delivered; and the service that started again has sent it once if the one that died had not recorded its
delivery, and not at all if it had: so none is lost, and twice comes only what was killed between sending and
recording. Every copy bears the same idempotency key and is the same byte for byte.

Each copy says which process sent it. When it is read does not matter: of what a process had sent, much may
still be on its way when the process is dead.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from itertools import count
from random import Random
from threading import Event

from kafka import KafkaConsumer, TopicPartition

from schemas.streams import ALERT_TOPIC
from tests.alerts.figures import CHILDCARE_RULE, childcare
from tests.alerts.kills.faults import Fault
from tests.alerts.kills.worker import SENDER
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import Site
from tests.kills.effects import Order, Orders
from tests.support.waiting import eventually

TAKEN_SECONDS = 60.0
SETTLED_SECONDS = 60.0
MAIL_TO = ("office@county.example", "health@county.example")


@dataclass(frozen=True)
class Round:
    """What happened in a round that agreed in the end."""

    number: int
    fault: str
    state: str
    before: int
    """Copies that came from the service that died."""
    twice: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.number:4} killed {self.fault:22} on the way of {self.state:8}: {self.before} sent "
            f"before, {self.twice} came twice, {self.seconds:4.1f} s: agrees"
        )


@dataclass
class Stage:
    """The service, its receivers and what they have seen."""

    site: Site
    web: HttpReceiver
    smtp: SmtpReceiver
    orders: Orders
    random: Random
    versions: Iterator[int] = field(default_factory=lambda: count(1))
    numbers: Iterator[int] = field(default_factory=count)

    def seen(self) -> Counter[tuple[str, int]]:
        """How often each notice has come from each process; fails if two copies of one differ."""
        copies: list[tuple[str, int, bytes]] = [
            *((got["idempotency-key"], int(got[SENDER]), body) for got, body in list(self.web.requests)),
            *map(_mailed, list(self.smtp.messages)),
            *self._on_topic(),
        ]
        contents: dict[str, set[bytes]] = {}
        for key, _sender, content in copies:
            contents.setdefault(key, set()).add(content)
        assert all(len(different) == 1 for different in contents.values()), "two copies of one notice differ"
        return Counter((key, sender) for key, sender, _content in copies)

    def recorded(self, before: datetime) -> set[str]:
        """The notices whose delivery had been recorded by then."""
        rows = self.site.query("SELECT notice_id, at FROM alert_notice WHERE state = 'delivered'")
        return {str(id) for id, at in rows if at < before}

    def notices(self) -> list[tuple[str, str, str]]:
        """(id, recipient, state after the newest attempt) of the newest logged change's notices."""
        rows = self.site.query(
            "SELECT notice_id, any(recipient), argMax(state, attempt) FROM alert_notice WHERE notice_id IN"
            " (SELECT notice_id FROM alert_notice ARRAY JOIN covers AS one WHERE"
            " (one.alert_id, one.state, one.changed_at) IN (SELECT alert_id, state, changed_at FROM alert_log"
            " WHERE rule = %(rule)s ORDER BY changed_at DESC LIMIT 1)) GROUP BY notice_id",
            rule=CHILDCARE_RULE,
        )
        return [(str(id), recipient, state) for id, recipient, state in rows]

    def _on_topic(self) -> list[tuple[str, int, bytes]]:
        partition = TopicPartition(ALERT_TOPIC, 0)
        consumer = KafkaConsumer(bootstrap_servers=self.site.broker.bootstrap, enable_auto_commit=False)
        try:
            consumer.assign([partition])
            end = consumer.end_offsets([partition])[partition]
            consumer.seek_to_beginning(partition)
            found: list[tuple[str, int, bytes]] = []
            while consumer.position(partition) < end:
                for one in consumer.poll(timeout_ms=1_000).get(partition, []):
                    headers = dict(one.headers)
                    found.append((headers["idempotency-key"].decode(), int(headers[SENDER]), one.value))
            return found
        finally:
            consumer.close()


def _mailed(received: EmailMessage) -> tuple[str, int, bytes]:
    message = deepcopy(received)
    sender = int(message[SENDER])
    del message[SENDER]
    return str(message["Message-ID"]).strip("<>").partition("@")[0], sender, message.as_bytes()


def rounds(stage: Stage, faults: Iterable[Fault]) -> Iterator[Round]:
    """Play a round for each fault; fails where something does not agree."""
    stage.site.start()
    for number, fault in enumerate(faults, 1):
        began = time.monotonic()
        state = "firing" if number % 2 else "resolved"
        figure = childcare(1_700 if number % 2 else 2_000, next(stage.versions))
        earlier = stage.seen()
        read_on = Event()
        dead = _strike(stage, fault, partial(stage.site.publish, figure), read_on)
        restarted = datetime.now(UTC)
        stage.site.start()
        read_on.set()
        living = stage.site.child.pid  # type: ignore[union-attr]  # it has just started
        keys = eventually(partial(_settled, stage, number), SETTLED_SECONDS, "all are delivered")
        recorded = stage.recorded(restarted)
        seen = stage.seen()
        for key in keys:
            assert seen[key, living] == (key not in recorded), (
                f"round {number}, {fault.name}: {key} was sent {seen[key, dead]} times before the restart, "
                f"{'recorded' if key in recorded else 'not recorded'}, and {seen[key, living]} times after it"
            )
        others = {one: times for one, times in seen.items() if one[0] not in keys}
        assert others == earlier
        before = sum(seen[key, dead] for key in keys)
        after = sum(seen[key, living] for key in keys)
        yield Round(number, fault.name, state, before, before + after - len(keys), time.monotonic() - began)


def _strike(stage: Stage, fault: Fault, publish: Callable[[], None], read_on: Event) -> int:
    """Let the change come; return the pid of the service when it is dead.

    A receiver that is to be late waits for `read_on`.
    """
    child = stage.site.child
    assert child is not None
    if fault.when in ("received", "late"):

        def kill() -> None:
            stage.web.on_request = stage.smtp.on_data = lambda: None
            os.kill(child.pid, signal.SIGKILL)
            if fault.when == "late":
                read_on.wait(TAKEN_SECONDS)

        if fault.step == "send webhook":
            stage.web.on_request = kill
        else:
            stage.smtp.on_data = kill
        publish()
    else:
        order = Order(
            next(stage.numbers),
            fault.step,
            "before" if fault.when == "inside" else fault.when,  # type: ignore[arg-type]
            1,
            signal.SIGKILL,
            delay=fault.delay(stage.random),
        )
        stage.orders.give(order)
        publish()
        eventually(lambda: stage.orders.taken(order), TAKEN_SECONDS, f"the service passes {fault.name}")
    eventually(lambda: not child.running, TAKEN_SECONDS, "the service is dead")
    stage.site.kill()
    return child.pid


def _settled(stage: Stage, number: int) -> list[str]:
    """The ids of the newest change's notices, once it is logged and they are all delivered."""
    states = stage.site.changes(CHILDCARE_RULE)
    assert states == [("firing", "resolved")[at % 2] for at in range(number)], states
    found = stage.notices()
    told = sorted(recipient.split(" ")[0] for _, recipient, _ in found)
    wanted = sorted([ALERT_TOPIC, stage.web.base, *MAIL_TO])
    assert told == wanted, told
    assert {state for *_, state in found} == {"delivered"}, found
    return [id for id, *_ in found]
