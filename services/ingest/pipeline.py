"""The whole path of a push: authenticate → read → parse → check → write → answer.

Over HTTP it comes in by `events` or `records`. Another way in (a sheet, an agency's own topic) makes records
and a check of its own and calls `take`.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from starlette.requests import Request

from schemas.streams import STREAMS, Stream
from services.ingest import body, message
from services.ingest.agencies import Agencies, Agency
from services.ingest.answer import Answer, answer
from services.ingest.check import Check, Checked, Checker, Push, Refused, may_push
from services.ingest.faults import Problem, Refusal
from services.ingest.letters import letter
from services.ingest.metrics import Metrics
from services.ingest.received import Received
from services.ingest.records import Record, from_json, from_ndjson
from services.ingest.watch import Watch
from services.ingest.writer import Writer
from services.platform.errors import Unavailable

EVENT_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")
RECORD_TYPES = ("application/json", "application/x-ndjson", "application/ndjson")

log = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 5


class Pipeline:
    """Takes pushes; one for each process."""

    def __init__(
        self,
        agencies: Agencies,
        checker: Checker,
        writer: Writer,
        watch: Watch,
        metrics: Metrics,
        *,
        received: Received,
    ) -> None:
        self._agencies = agencies
        self._checker = checker
        self._received = received
        self._writer = writer
        self._watch = watch
        self._metrics = metrics

    async def events(self, request: Request) -> Answer:
        """Take a push of CloudEvents. Raises Problem."""
        agency = self._authenticate(request)
        body.media_type(request, EVENT_TYPES)
        records = from_json(await body.read(request))
        return await self.take(agency, records, self._checker.event)

    async def records(self, request: Request, stream_name: str) -> Answer:
        """Take a push of plain records of one stream. Raises Problem."""
        agency = self._authenticate(request)
        stream = known_stream(stream_name)
        may_push(agency, stream)
        kind = body.media_type(request, RECORD_TYPES)
        content = await body.read(request)
        records = from_json(content) if kind == "application/json" else from_ndjson(content)
        return await self.take(agency, records, self._checker.plain(stream))

    async def take(self, agency: Agency, records: Sequence[Record], check: Check) -> Answer:
        """Check records, write the good ones and the dead letters of the others, and say what became of them.

        Raises Problem 403 if a record belongs to a stream that the agency may not push (then none is taken),
        503 if the broker has not acknowledged everything.
        """
        push = Push(agency, uuid4().hex, datetime.now(UTC))
        accepted, duplicate, refused = _once_each([check(push, record) for record in records])
        received = self._received.stamps([one.event["time"] for one in accepted], push.received)
        await self._write(
            [
                *(message.of_event(one, moment) for one, moment in zip(accepted, received, strict=True)),
                *(message.of_letter(letter(push, one)) for one in refused),
            ]
        )
        self._count(agency, len(accepted), duplicate, refused)
        return answer(push.receipt, len(accepted), duplicate, refused)

    def _authenticate(self, request: Request) -> Agency:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        agency = self._agencies.lookup(key.strip()) if scheme.lower() == "bearer" else None
        if agency is None:
            raise Problem(
                401,
                "unknown_key",
                "缺少密钥或密钥无效，请在请求头中写 Authorization: Bearer 密钥 · "
                "no key or an unknown one: send the header Authorization: Bearer KEY",
                {"WWW-Authenticate": "Bearer"},
            )
        return agency

    async def _write(self, messages: Sequence[message.Message]) -> None:
        try:
            self._watch.check()
            await self._writer.write(messages)
        except Unavailable as error:
            log.warning("a push of %d messages is answered 503: %s", len(messages), error)
            raise Problem(
                503,
                "unavailable",
                "系统暂时不能接收数据，请稍后将本次数据原样重发，重复的记录不会重复计数 · "
                "nothing can be accepted now: send the same again later, a repeated record counts once",
                {"Retry-After": str(_RETRY_AFTER_SECONDS)},
            ) from error

    def _count(self, agency: Agency, accepted: int, duplicate: int, refused: Sequence[Refused]) -> None:
        outcomes = (("accepted", accepted), ("duplicate", duplicate), ("rejected", len(refused)))
        for outcome, number in outcomes:
            self._metrics.records.labels(agency.name, outcome).inc(number)
        for one in refused:
            self._metrics.refusals.labels(agency.name, one.refusal.code).inc()


def known_stream(name: str) -> Stream:
    """Return a stream by its name; raises Problem 404 if there is none."""
    if name not in STREAMS:
        raise Problem(
            404,
            "unknown_stream",
            f"没有这个数据流，有：{', '.join(STREAMS)} · no such stream; there are these",
        )
    return STREAMS[name]


def _once_each(checked: Sequence[Checked | Refused]) -> tuple[list[Checked], int, list[Refused]]:
    """Sort what was checked into new records, the number of repetitions, and refusals.

    Of one identity in a stream the first record counts; the same again is a repetition, another content a
    conflict.
    """
    first: dict[tuple[str, UUID], Checked] = {}
    duplicate = 0
    refused: list[Refused] = []
    for one in checked:
        if isinstance(one, Refused):
            refused.append(one)
        elif (known := first.setdefault((one.stream.name, one.identity), one)) is one:
            continue
        elif known.fingerprint == one.fingerprint:
            duplicate += 1
        else:
            conflict = Refusal(
                "conflict",
                f"与本次第 {known.record.index + 1} 条编号相同而内容不同 · "
                f"same id as record {known.record.index} of this push, other content",
                "id",
            )
            refused.append(Refused(one.record, one.stream.name, one.id, conflict))
    return list(first.values()), duplicate, refused
