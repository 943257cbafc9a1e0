"""The whole path of a push: authenticate → read → parse → check → ask what is known → write → answer.

Over HTTP it comes in by `events` or `records`. Another way in (a sheet, an agency's own topic) makes records
and a check of its own and calls `take`, or for a push in several parts `add` for each and `finish`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from starlette.requests import Request

from schemas.receipt import Receipt
from schemas.streams import STREAMS, Stream
from services.ingest import body, message
from services.ingest.agencies import Agencies, Agency, bearer_key, without_keys
from services.ingest.answer import Answer
from services.ingest.check import Check, Checked, Checker, Push, Refused, may_push
from services.ingest.faults import Problem, shown
from services.ingest.files import Copies, Marks, aside, parts, spool, take_in
from services.ingest.known import Known
from services.ingest.language import Language
from services.ingest.letters import letter
from services.ingest.limits import Limits
from services.ingest.metrics import Metrics
from services.ingest.receipt_state import Receipts
from services.ingest.receipts import Origin, Taking
from services.ingest.received import Received
from services.ingest.records import Record, from_json, from_ndjson
from services.ingest.responses import language_of
from services.ingest.settings import BYTES_A_RECORD
from services.ingest.sheets.sheet import KINDS as SHEET_KINDS
from services.ingest.sheets.sheet import Sheet, open_sheet
from services.ingest.watch import Watch
from services.ingest.writer import Writer
from services.platform.errors import Unavailable

EVENT_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")
RECORD_TYPES = ("application/json", "application/x-ndjson", "application/ndjson", *SHEET_KINDS)

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
_CHECKED_AT_ONCE = 100
"""Some 3 ms."""


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
        limits: Limits,
        known: Known,
        receipts: Receipts,
        copies: Copies,
    ) -> None:
        self._agencies = agencies
        self._checker = checker
        self._received = received
        self._limits = limits
        self._known = known
        self._receipts = receipts
        self._copies = copies
        self._writer = writer
        self._watch = watch
        self._metrics = metrics

    @property
    def pace(self) -> body.Pace:
        """How slow a body may be."""
        return self._limits.pace

    async def events(self, request: Request, *, dry_run: bool = False) -> Answer:
        """Take a push of CloudEvents. Raises Problem."""
        agency = self.authenticate(request)
        body.media_type(request, EVENT_TYPES)
        with self._limits.push(agency.name) as count:
            records = await _read(from_json, await body.read(request, self._limits.pace))
            count(len(records))
            return await self.take(agency, records, self._checker.events, _origin(request), dry_run=dry_run)

    async def records(self, request: Request, stream_name: str, *, dry_run: bool = False) -> Answer:
        """Take a push of plain records of one stream. Raises Problem."""
        agency = self.authenticate(request)
        stream = known_stream(stream_name)
        may_push(agency, stream)
        kind = body.media_type(request, RECORD_TYPES)
        with self._limits.push(agency.name) as count:
            if kind in SHEET_KINDS:
                with spool() as file:
                    await take_in(request, self._limits.pace, file)
                    sheet = await aside(open_sheet, SHEET_KINDS[kind], file, stream)
                with sheet:
                    count(sheet.rows)
                    taking = Taking(agency, _origin(request, stream.name, kind="file"), dry_run)
                    return await self._sheet(taking, sheet, stream, language_of(request))
            content = await body.read(request, self._limits.pace)
            records = await _read(from_json if kind == "application/json" else from_ndjson, content)
            origin = _origin(request, stream.name)
            count(len(records))
            return await self.take(agency, records, self._checker.plain(stream), origin, dry_run=dry_run)

    async def _sheet(self, taking: Taking, sheet: Sheet, stream: Stream, language: Language | None) -> Answer:
        """Take a sheet part by part, under one receipt; keep a copy with the errors marked, if it has any."""
        check = self._checker.plain(stream)
        with Marks() as marks:
            async for records, last in parts(sheet.records()):
                for one in await self.add(taking, records, check, last=last):
                    marks.add(one, language)
            answer = taking.answer()
            if marks:
                agency, receipt = taking.agency.name, taking.push.receipt
                write = partial(sheet.marked, marks)
                try:
                    await aside(self._copies.keep, agency, receipt, sheet.suffix, write)
                    answer.marked = f"/v1/receipts/{receipt}/marked"
                except OSError as error:  # the records are taken all the same, and the errors in the answer
                    log.warning("no marked copy of a file: %s", error)
            return answer

    async def take(
        self,
        agency: Agency,
        records: Sequence[Record],
        check: Check,
        origin: Origin,
        *,
        dry_run: bool = False,
    ) -> Answer:
        """Take a push that comes in one part, and say what became of it.

        Raises Problem 403 if a record belongs to a stream that the agency may not push (then none is taken),
        503 if the broker has not acknowledged everything.
        """
        taking = Taking(agency, origin, dry_run)
        await self.add(taking, records, check, last=True)
        return taking.answer()

    async def add(
        self, taking: Taking, records: Sequence[Record], check: Check, *, last: bool = False
    ) -> Sequence[Refused]:
        """Take a part of a push: check its records, write the good ones and the dead letters of the others.

        The receipt goes out with the `last` part. Returns what was refused; raises Problem as `take`: then
        nothing of this part is counted, what was written of earlier ones stays.
        """
        checked = await _checked(check, taking.push, records)
        taking.know(
            await self._known.among({(one.stream.name, one.identity) for one in taking.unseen(checked)})
        )
        accepted, duplicate, refused = taking.sort(checked)
        counts = taking.after(accepted, duplicate, refused)
        if taking.dry_run:
            taking.take(accepted, counts)
            return refused
        push = taking.push
        received = self._received.stamps([one.time for one in accepted], push.received)
        written = [
            *(message.of_event(push, one, moment) for one, moment in zip(accepted, received, strict=True)),
            *(message.of_letter(letter(push, one)) for one in refused),
        ]
        await self._write(written, taking.receipt(counts) if last else None)
        taking.take(accepted, counts)
        self._count(taking.agency, len(accepted), duplicate, refused)
        return refused

    async def finish(self, taking: Taking) -> Answer:
        """Write the receipt of a push whose parts are all in; say what became of it. Raises Problem 503."""
        if not taking.dry_run:
            await self._write([], taking.receipt(taking.counts))
        return taking.answer()

    def authenticate(self, request: Request) -> Agency:
        """Return the agency whose key a request has. Raises Problem 401."""
        agency = self._agencies.lookup(bearer_key(request.headers.get("authorization", "")))
        if agency is None:
            raise Problem(
                401,
                "unknown_key",
                "缺少密钥或密钥无效，请在请求头中写 Authorization: Bearer 密钥 · "
                "no key or an unknown one: send the header Authorization: Bearer KEY",
                {"WWW-Authenticate": "Bearer"},
            )
        return agency

    async def _write(self, records: Sequence[message.Message], receipt: Receipt | None) -> None:
        messages = list(records)
        if receipt is not None:
            messages.append(message.of_receipt(receipt))
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
                {"Retry-After": str(RETRY_AFTER_SECONDS)},
            ) from error
        if receipt is not None:
            self._receipts.remember(receipt.receipt, messages[-1].value)

    def _count(self, agency: Agency, accepted: int, duplicate: int, refused: Sequence[Refused]) -> None:
        outcomes = (("accepted", accepted), ("duplicate", duplicate), ("rejected", len(refused)))
        for outcome, number in outcomes:
            self._metrics.records.labels(agency.name, outcome).inc(number)
        for one in refused:
            self._metrics.refusals.labels(agency.name, one.refusal.code).inc()


async def _read(read: Callable[[bytes], list[Record]], content: bytes) -> list[Record]:
    """Read a body; a large one beside the others' pushes."""
    return read(content) if len(content) <= BYTES_A_RECORD else await asyncio.to_thread(read, content)


async def _checked(check: Check, push: Push, records: Sequence[Record]) -> list[Checked | Refused]:
    """Check records; the others' pushes get their turn in between."""
    checked: list[Checked | Refused] = []
    for start in range(0, len(records), _CHECKED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        checked += check(push, records[start : start + _CHECKED_AT_ONCE])
    return checked


def known_stream(name: str) -> Stream:
    """Return a stream by its name; raises Problem 404 if there is none."""
    if name not in STREAMS:
        raise Problem(
            404,
            "unknown_stream",
            f"没有这个数据流，有：{', '.join(STREAMS)} · no such stream, there are: {', '.join(STREAMS)}",
        )
    return STREAMS[name]


def _origin(request: Request, stream: str = "", *, kind: Literal["http", "file"] = "http") -> Origin:
    remote = request.client.host if request.client else ""
    return Origin(kind, stream, remote, without_keys(shown(request.headers.get("user-agent", ""))))
