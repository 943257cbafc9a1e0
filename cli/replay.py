"""`minmai dead-letters mend`, `replay`: a refused record put right, and sent again.

Sending again happens on the machine, as the agency whose record it is: its key is nowhere to be had. A letter
is settled once ClickHouse has counted its record; until then sending again is harmless.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from cli.dead_letters import DeadLetterError, Letter, Wanted, find, select
from cli.paths import plan_folder
from schemas.dead_letter import SETTLED
from schemas.streams import STREAMS
from services.ingest import agencies, message
from services.ingest.agencies import Agency
from services.ingest.check import Check, Checked, Checker, Refused
from services.ingest.faults import Problem, Refusal
from services.ingest.feeds.reader import events_only
from services.ingest.outlet import Outlet
from services.ingest.receipts import Name, Origin, Taking
from services.ingest.received import received_for
from services.ingest.records import Record, from_json
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.plan import load_plan
from services.platform.settings import Common, load

_SEND_SECONDS = 20.0
_COUNT_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_AT_ONCE = 500


def mend(id: str, changes: Sequence[str], removed: Sequence[str], file: Path | None, people: Path) -> int:
    """Change what a letter's record says, keep that, and print it and whether it would be accepted now.

    Returns 0 if it would be, 1 if not.
    """
    clickhouse = ClickHouse(load(Common))
    one = find(clickhouse, id)
    content = _object(file.read_bytes() if file else one.now.encode(), str(file or one.id))
    for change in changes:
        path, given, text = change.partition("=")
        if not given:
            raise DeadLetterError(f"--set {change}: 应为 字段=值 · must be FIELD=VALUE")
        parent, name = _parent(content, path)
        parent[name] = _value(text)
    for path in removed:
        parent, name = _parent(content, path)
        parent.pop(name, None)
    text = json.dumps(content, ensure_ascii=False, default=str)  # a Decimal keeps its digits
    clickhouse.insert("dead_letter_mended", {"letter": [one.id], "content": [text]})
    print(text)
    mended = find(clickhouse, one.id)
    taking = Taking(_agency(people, mended), _origin(mended.stream))
    outcome = _check(Checker(load_plan(plan_folder())), taking, mended, 0)
    if isinstance(outcome, Refused):
        refusal = outcome.refusal
        print(f"仍会被拒收 · would still be refused: {refusal.code} {refusal.field} {refusal.message}")
        return 1
    print(f"可以重发 · can be sent again: minmai dead-letters replay {one.id[:12]}")
    return 0


def replay(ids: Sequence[str], wanted: Wanted, dry_run: bool, people: Path) -> int:
    """Send letters again, as they are or as mended; keep and print what became of each.

    Returns 0 if every one is settled, 1 if not.
    """
    settings = load(Common)
    clickhouse = ClickHouse(settings)
    letters = [find(clickhouse, id) for id in ids] if ids else select(clickhouse, wanted)
    open_ones = [one for one in letters if one.outcome not in SETTLED]
    for one in letters:
        if one.outcome in SETTLED:
            print(f"{one.id[:12]} 已处理过 · settled before: {one.outcome}")
    by_agency: dict[str, list[Letter]] = {}
    for one in open_ones:
        by_agency.setdefault(one.source, []).append(one)
    checker = Checker(load_plan(settings.plan if settings.plan.is_dir() else plan_folder()))
    unsettled = 0
    for group in by_agency.values():
        agency = _agency(people, group[0])
        for start in range(0, len(group), _AT_ONCE):
            told = _Replay(settings, clickhouse, checker, agency).run(
                group[start : start + _AT_ONCE], dry_run
            )
            for letter, outcome in told:
                unsettled += outcome.name not in (*SETTLED, "acceptable")
                print(f"{letter.id[:12]} {outcome.name:<10} {outcome.code} {outcome.field} {outcome.message}")
    print(f"{len(open_ones)} 条重发，{unsettled} 条未决 · {len(open_ones)} replayed, {unsettled} unsettled")
    return int(unsettled > 0)


@dataclass(frozen=True)
class _Outcome:
    name: str
    code: str = ""
    field: str = ""
    message: str = ""


class _Replay:
    """Sends letters of one agency again, as one push with a receipt of its own."""

    def __init__(self, settings: Common, clickhouse: ClickHouse, checker: Checker, agency: Agency) -> None:
        self._settings = settings
        self._clickhouse = clickhouse
        self._checker = checker
        self._taking = Taking(agency, _origin(""))

    def run(self, letters: Sequence[Letter], dry_run: bool) -> list[tuple[Letter, _Outcome]]:
        """Return what became of each letter; unless it is a dry run, keep it too."""
        checked = [_check(self._checker, self._taking, one, index) for index, one in enumerate(letters)]
        self._taking.know(self._counted([one for one in checked if isinstance(one, Checked)]))
        new, _duplicate, refused = self._taking.sort(checked)
        told = {one.record.index: _refused(one) for one in refused}
        if dry_run:
            fresh = {one.record.index for one in new}
            for index in range(len(letters)):
                told.setdefault(index, _Outcome("acceptable" if index in fresh else "duplicate"))
            return [(letter, told[index]) for index, letter in enumerate(letters)]
        self._send(new, len(checked) - len(new) - len(refused), refused)
        counted = self._wait(new)
        for one in new:
            told[one.record.index] = _outcome(one, counted)
        told |= {i: _Outcome("duplicate") for i in range(len(letters)) if i not in told}
        outcomes = [told[index] for index in range(len(letters))]
        receipt = self._taking.push.receipt
        self._clickhouse.insert(
            "dead_letter_replayed",
            {
                "letter": [one.id for one in letters],
                "receipt": [receipt] * len(letters),
                "outcome": [one.name for one in outcomes],
                "code": [one.code for one in outcomes],
                "field": [one.field for one in outcomes],
                "message": [one.message for one in outcomes],
            },
        )
        return list(zip(letters, outcomes, strict=True))

    def _send(self, new: Sequence[Checked], duplicate: int, refused: Sequence[Refused]) -> None:
        counts = self._taking.after(new, duplicate, refused)
        received = received_for(self._settings, self._clickhouse)
        received.begin()
        push = self._taking.push
        moments = received.stamps([one.time for one in new], push.received)
        messages = [
            *(message.of_event(push, one, moment) for one, moment in zip(new, moments, strict=True)),
            message.of_receipt(self._taking.receipt(counts)),
        ]
        for trouble in asyncio.run(_sent(self._settings.kafka, messages)):
            if trouble is not None:
                raise Unavailable(
                    f"the broker at {self._settings.kafka} did not take the records ({trouble!r}); "
                    "replay again"
                ) from trouble

    def _wait(self, new: Sequence[Checked]) -> dict[Name, str]:
        end = time.monotonic() + _COUNT_SECONDS
        while True:
            counted = self._counted(new)
            if len(counted) == len(new) or time.monotonic() > end:
                return counted
            time.sleep(_LOOK_SECONDS)

    def _counted(self, records: Sequence[Checked]) -> dict[Name, str]:
        """The fingerprints under which the identities of these records have been counted."""
        if not records:
            return {}
        rows = self._clickhouse.query(
            "SELECT stream, identity, any(fingerprint) FROM record_identity"
            " WHERE identity IN (SELECT name FROM names) GROUP BY stream, identity",
            given={"names": {"name UUID": [UUID(int=one.identity) for one in records]}},
        )
        mine = {(one.stream.name, one.identity) for one in records}
        return {(stream, name.int): str(said) for stream, name, said in rows if (stream, name.int) in mine}


def _outcome(one: Checked, counted: dict[Name, str]) -> _Outcome:
    said = counted.get((one.stream.name, one.identity))
    if said is None:
        return _Outcome("sent", message="尚未计数，可再重发 · not counted yet, may be replayed")
    if said == one.fingerprint:
        return _Outcome("counted")
    return _Outcome("conflict", "conflict", "id", "编号已用于其他内容 · its id has other content")


async def _sent(bootstrap: str, messages: Sequence[message.Message]) -> list[Exception | None]:
    outlet = Outlet(bootstrap, _SEND_SECONDS)
    try:
        return await outlet.send(messages)
    finally:
        await outlet.close()


def _refused(one: Refused) -> _Outcome:
    refusal = one.refusal
    name = "conflict" if refusal.code == "conflict" else "rejected"
    return _Outcome(name, refusal.code, refusal.field, refusal.message)


def _origin(stream: str) -> Origin:
    return Origin("replay", stream, user_agent="minmai dead-letters replay")


def _check(checker: Checker, taking: Taking, letter: Letter, index: int) -> Checked | Refused:
    try:
        content = _object(letter.now.encode(), letter.id)
    except DeadLetterError as error:
        record = Record(index, letter.now.encode(), Refusal("not_object", str(error)))
        return Refused(record, letter.stream, letter.record_id, Refusal("not_object", str(error)))
    record = Record(index, letter.now.encode(), content)
    check: Check = checker.events
    if "specversion" not in content:
        if letter.stream not in STREAMS:
            refusal = Refusal("unknown_stream", "不知属于哪个数据流 · its stream is not known", "")
            return Refused(record, "", letter.record_id, refusal)
        check = checker.plain(STREAMS[letter.stream])
    [found] = events_only(check)(taking.push, [record])
    return found


def _object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        found = from_json(raw)
    except Problem:
        found = []
    if len(found) != 1 or isinstance(found[0].content, Refusal) or raw.lstrip().startswith(b"["):
        raise DeadLetterError(
            f"{where}: 不是一个 JSON 对象，请用 mend --record 给出整条记录 · "
            "is not one JSON object: give the whole record with mend --record"
        )
    return dict(found[0].content)


def _parent(content: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *above, name = path.split(".")
    for part in above:
        content = content.setdefault(part, {})
        if not isinstance(content, dict):
            raise DeadLetterError(f"{path}: {part} 不是对象 · {part} is not an object")
    return content, name


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself; digits stay the digits they are."""
    try:
        value = json.loads(text, parse_float=str)
    except ValueError:
        return text
    return value


def _agency(people: Path, letter: Letter) -> Agency:
    for one in agencies.listed(people):
        if one.name == letter.source:
            return one
    raise DeadLetterError(
        f"{letter.id}: 单位 {letter.source or '?'} 不在 {people} 中 · its agency is not in that file "
        "(--file names another)"
    )
