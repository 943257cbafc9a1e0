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
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.sample.county import County, Pace
from cli.sample.outbox import Sent
from cli.sample.sender import Sender, read_keys
from services.platform import logs
from services.platform.errors import MinmaiError
from services.platform.plan import Plan, load_plan

log = logging.getLogger("cli.sample.feed")  # it is run as __main__

LIVE_FROM = date(2025, 1, 1)
"""The plan's third year, with two years of history before it."""

HISTORY_PACE = Pace(vouchers=12, report_every=40)
LIVE_PACE = Pace(vouchers=40, report_every=5)

BATCH = 2_000  # the most that one push may have
_PAUSE_SECONDS = 0.25  # least time between two live pushes


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


def story(plan: Plan, live_from: date, *, seed: int = 1) -> County:
    """Return the county that is played, mistakes included: its history in brief, each live day at length."""
    pace = lambda day: LIVE_PACE if day >= live_from else HISTORY_PACE  # noqa: E731
    return County(plan, pace, seed=seed, mistakes=True)


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


def feed(
    *,
    ingest: Annotated[str, typer.Option(help="address of ingest, such as http://127.0.0.1:8100")],
    keys: Annotated[Path, typer.Option(help="JSON file {agency: key}")],
    state: Annotated[Path | None, typer.Option(help="file that remembers how far the feed is")] = None,
    seconds_per_day: Annotated[float, typer.Option(min=0.01, help="how long a live day takes")] = 4.0,
    live_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(  # noqa: DTZ001
        LIVE_FROM.year, LIVE_FROM.month, LIVE_FROM.day
    ),
    seed: int = 1,
    plan: Annotated[Path, typer.Option(envvar="MINMAI_PLAN")] = Path("plans/yanshan"),
) -> None:
    """Play the synthetic county into ingest until SIGTERM."""
    known = load_plan(plan)
    play(
        story(known, live_from.date(), seed=seed),
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
