"""Plays the synthetic county into the public HTTP ingest: its history at once, then day after day.

    python -m cli.sample.feed --ingest http://127.0.0.1:8100 --keys keys.json --state feed.json

Ids are made of the content and the order is always the same, so what is sent twice (a lost answer, a restart)
counts once, and the number of records sent is all there is to remember.
"""

import json
import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import orjson
import typer

from cli.sample.county import County, Pace
from cli.sample.outbox import AGENCIES, Sent
from services.platform import logs
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan

log = logging.getLogger("cli.sample.feed")  # it is run as __main__

HISTORY_PACE = Pace(vouchers=5, report_every=30)
LIVE_PACE = Pace(vouchers=20, report_every=2)

BATCH = 500
_PAUSE_SECONDS = 0.25  # least time between two live pushes
_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
_TIMEOUT_SECONDS = 20.0


class FeedError(MinmaiError):
    """The feed cannot go on: its keys are wrong or ingest refuses it."""


class _Stop(BaseException):
    """SIGTERM or SIGINT: raised wherever the feed is, so that it ends at once."""


@dataclass(frozen=True)
class Progress:
    """How many records were accepted, and the id of the last one, by which another county is noticed."""

    sent: int = 0
    last: str = ""


class Memory:
    """The feed's progress, kept in a file (None: not kept)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.progress = self._read()

    def remember(self, batch: Sequence[Sent]) -> None:
        """Add what was accepted; a crash leaves the old file or the new one."""
        self.progress = Progress(self.progress.sent + len(batch), batch[-1].event["id"])
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(self._path.name + ".new")
        draft.write_text(json.dumps(asdict(self.progress)), encoding="utf-8")
        draft.replace(self._path)

    def forget(self) -> None:
        """Begin anew."""
        self.progress = Progress()

    def _read(self) -> Progress:
        if self._path is None:
            return Progress()
        try:
            return Progress(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Progress()
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read (%s): sending again from the start", self._path, error)
            return Progress()


class Sender:
    """Pushes to ingest, each agency with its own key, and does not give up while ingest is away."""

    def __init__(self, ingest: str, keys: dict[str, str]) -> None:
        self._keys = keys
        self._http = httpx.Client(base_url=ingest, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def send(self, batch: list[Sent]) -> None:
        """Return when every agency's part is answered. Raises FeedError if ingest refuses the push itself."""
        parts: dict[str, list[dict[str, Any]]] = {}
        for one in batch:
            parts.setdefault(one.agency, []).append(one.event)
        for agency, events in parts.items():
            self._push(agency, events)

    def _push(self, agency: str, events: list[dict[str, Any]]) -> None:
        headers = {
            "Authorization": f"Bearer {self._keys[agency]}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        body = orjson.dumps(events)
        for attempt in _attempts():
            try:
                response = self._http.post("/v1/events", content=body, headers=headers)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                if response.status_code in (200, 207) or _is_receipt(response):
                    _report_refused(agency, response.json())
                    if attempt:
                        log.info("ingest is back")
                    return
                trouble = f"HTTP {response.status_code}: {response.text[:300]}"
                if response.status_code < 500 and response.status_code != 429:
                    raise FeedError(f"ingest refuses the push of {agency}: {trouble}")
            if attempt % 20 == 0:
                log.warning("ingest is away, trying again until it is back (%s)", trouble)


@dataclass
class Timetable:
    """When each record is due: a day of the county takes `seconds_per_day`.

    Nothing leaves before its real time. A feed that was held up goes on from where it is, and hurries not.
    """

    seconds_per_day: float
    anchor: tuple[float, datetime] | None = None

    def wait(self, moment: datetime) -> None:
        """Sleep until a record sent at `moment` of the county's time is due."""
        now = time.monotonic()
        if self.anchor is None:
            self.anchor = now, moment
        begun, first = self.anchor
        due = begun + (moment - first) / timedelta(days=1) * self.seconds_per_day
        if due < now - 1:
            self.anchor = now, moment
        due = max(due, now + (moment - datetime.now(UTC)).total_seconds())
        if due > now:
            time.sleep(due - now)


def play(
    county: County, memory: Memory, sender: Sender, *, live_from: datetime, seconds_per_day: float
) -> NoReturn:
    """Send the county's records for ever, beginning with the first that memory does not know."""
    waiting = resumed(county, memory)
    batch: list[Sent] = []
    one = next(waiting)
    while one.moment < live_from:
        batch.append(one)
        if len(batch) == BATCH:
            _deliver(batch, memory, sender)
        one = next(waiting)
    _deliver(batch, memory, sender)
    log.info("%d records sent; now live, a day in %g s", memory.progress.sent, seconds_per_day)
    timetable = Timetable(seconds_per_day)
    ahead = timedelta(days=_PAUSE_SECONDS / seconds_per_day)
    while True:
        timetable.wait(one.moment)
        until = min(one.moment + ahead, max(datetime.now(UTC), one.moment))
        while one.moment <= until and len(batch) < BATCH:
            batch.append(one)
            one = next(waiting)
        _deliver(batch, memory, sender)


def resumed(county: County, memory: Memory) -> Iterator[Sent]:
    """Return the county's records after those that memory knows; all of them if it knows another county."""
    progress = memory.progress
    if not progress.sent:
        return iter(county)
    records = iter(county)
    [last] = islice(records, progress.sent - 1, progress.sent)
    if last.event["id"] == progress.last:
        log.info("going on after %d records", progress.sent)
        return records
    log.warning("the county is not the one sent before: sending from the start (records count once)")
    memory.forget()
    return iter(county)


def _deliver(batch: list[Sent], memory: Memory, sender: Sender) -> None:
    if batch:
        sender.send(batch)
        memory.remember(batch)
        batch.clear()


def _attempts() -> Iterator[int]:
    """Count attempts for ever, with growing pauses between them."""
    attempt = 0
    while True:
        yield attempt
        time.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
        attempt += 1


def _is_receipt(response: httpx.Response) -> bool:
    """Whether a 400 is the answer to a push whose records were all refused, not to a push that is wrong."""
    return response.status_code == 400 and "receipt" in response.text


def _report_refused(agency: str, answer: dict[str, Any]) -> None:
    for error in answer.get("errors", []):
        log.warning("%s: record %s refused: %s", agency, error.get("id"), error.get("message"))


def read_keys(path: Path) -> dict[str, str]:
    """Return the key of each agency from a JSON object {agency: key}; raises FeedError if one is missing."""
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FeedError(f"the keys in {path} cannot be read: {error}") from error
    missing = [agency for agency in AGENCIES if not isinstance(keys, dict) or agency not in keys]
    if missing:
        raise FeedError(f"{path} has no key of {', '.join(missing)}: it must be an object of agency: key")
    return {agency: str(keys[agency]) for agency in AGENCIES}


def feed(
    *,
    ingest: Annotated[str, typer.Option(help="address of ingest, such as http://127.0.0.1:8100")],
    keys: Annotated[Path, typer.Option(help="JSON file {agency: key}")],
    state: Annotated[Path | None, typer.Option(help="file that remembers how far the feed is")] = None,
    seconds_per_day: Annotated[float, typer.Option(min=0.01, help="how long a live day takes")] = 4.0,
    live_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(2024, 1, 1),  # noqa: DTZ001
    seed: int = 1,
    plan: Annotated[Path, typer.Option(envvar="MINMAI_PLAN")] = Path("plans/yanshan"),
) -> None:
    """Play the synthetic county into ingest until SIGTERM."""
    known = load_plan(plan)
    live = live_from.date()
    county = County(known, lambda day: LIVE_PACE if day >= live else HISTORY_PACE, seed=seed)
    play(
        county,
        Memory(state),
        Sender(ingest, read_keys(keys)),
        live_from=live_from.replace(tzinfo=known.zone),
        seconds_per_day=seconds_per_day,
    )


def _stop(_number: int, _frame: object) -> NoReturn:
    raise _Stop


def main() -> None:
    """Run the feed as a program: exit code 0 when asked to stop, 1 when it cannot go on."""
    logs.configure("feed")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        typer.run(feed)
    except _Stop:
        sys.exit(0)
    except MinmaiError as error:
        log.error("%s", error)  # noqa: TRY400 - the message is meant for people
        sys.exit(1)


if __name__ == "__main__":
    main()
