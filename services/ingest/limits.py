"""How much an agency may push: pushes and records a second, and pushes at once.

Kept in this process only: several ingest processes each grant the whole of it.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.ingest.body import Pace
from services.ingest.faults import Problem
from services.ingest.settings import IngestSettings
from services.platform.bucket import Bucket

_RETRY_AT_ONCE_SECONDS = 1
"""When one of the pushes under way will have been answered cannot be known; most are within a second."""


class _Use:
    """What one agency uses."""

    def __init__(self, settings: IngestSettings, now: float) -> None:
        self.pushes = Bucket(settings.agency_pushes_per_second, settings.agency_pushes_burst, now)
        self.records = Bucket(settings.agency_records_per_second, settings.agency_records_burst, now)
        self.under_way = 0


class Limits:
    """The limits of one ingest process; `pace` is what a body must keep.

    `clock` gives seconds that never go back.
    """

    def __init__(self, settings: IngestSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(settings.body_wait, settings.body_least_pace)
        self._settings = settings
        self._clock = clock
        self._uses: dict[str, _Use] = {}

    @contextmanager
    def push(self, agency: str) -> Iterator[Callable[[int], None]]:
        """Admit a push of an agency, to be entered before its body is read and left with the answer.

        Gives the function to be called with the number of its records, once or for each part of them: that is
        only known once they are read, and then they are answered as a whole.
        Raises Problem 429 with Retry-After if the agency has too many pushes under way, or pushed too much.
        """
        use = self._uses.get(agency)
        if use is None:
            use = self._uses[agency] = _Use(self._settings, self._clock())
        self._check(use)
        use.pushes.take(1)
        use.under_way += 1
        try:
            yield use.records.take
        finally:
            use.under_way -= 1

    def _check(self, use: _Use) -> None:
        most = self._settings.agency_pushes_at_once
        if use.under_way >= most:
            raise _too_much(
                "too_many_at_once",
                f"本单位同时上报的请求已有 {most} 个，请等其中一个应答后再发 · "
                f"{most} pushes of this agency are under way: wait until one is answered",
                _RETRY_AT_ONCE_SECONDS,
            )
        now = self._clock()
        if (seconds := use.pushes.wait(now, 1)) > 0:
            pushes = f"{self._settings.agency_pushes_per_second:g}"
            raise _too_much(
                "too_many_pushes_a_second",
                f"本单位上报过于频繁，每秒最多 {pushes} 次，请把多条记录合在一次上报 · "
                f"at most {pushes} pushes a second: put several records into one",
                seconds,
            )
        if (seconds := use.records.wait(now, 0)) > 0:
            records = f"{self._settings.agency_records_per_second:g}"
            raise _too_much(
                "too_many_records_a_second",
                f"本单位上报的记录过多，每秒最多 {records} 条 · at most {records} records a second",
                seconds,
            )


def _too_much(code: str, message: str, seconds: float) -> Problem:
    return Problem(429, code, message, {"Retry-After": str(max(1, math.ceil(seconds)))})
