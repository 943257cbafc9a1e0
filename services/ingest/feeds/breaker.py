"""When a feed is to be stopped: nearly everything newest on it was refused.

A feed is drained by nobody's looking: what its sender does wrong in every record would become as many dead
letters. Over HTTP the sender sees the answer, so there is no breaker there.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.alert import FEED_MOST_REFUSED
from services.ingest.check import Refused
from services.ingest.faults import Refusal

NEWEST = 200
"""Records that are looked at; a feed that has had fewer since it was begun goes on."""


@dataclass(frozen=True)
class Trip:
    """Why a feed is stopped: of so many records so many refused, the commonest reason and its last text."""

    checked: int
    refused: int
    code: str
    message: str


class Breaker:
    """Looks at the newest records of one feed."""

    def __init__(self) -> None:
        self._newest: deque[Refusal | None] = deque(maxlen=NEWEST)

    def look(self, received: int, refused: Sequence[Refused]) -> Trip | None:
        """Take in what became of further records; return why the feed is to be stopped, or None."""
        self._newest.extend([None] * (received - len(refused)))
        self._newest.extend(one.refusal for one in refused)
        bad = [one for one in self._newest if one is not None]
        if len(self._newest) < NEWEST or 100 * len(bad) <= FEED_MOST_REFUSED * NEWEST:
            return None
        [(code, _times)] = Counter(one.code for one in bad).most_common(1)
        last = next(one for one in reversed(bad) if one.code == code)
        return Trip(len(self._newest), len(bad), code, last.message)
