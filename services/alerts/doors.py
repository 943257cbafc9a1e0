"""The door to one address: one notice at a time, no more than its limits allow, none while it asks for peace.

What an address takes in a minute it counts itself, by when messages arrive. So a token that was taken comes
back its whole period after the receiver has answered: whatever the way there took, no period sees more.
"""

import asyncio
from bisect import insort
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from services.alerts.channels import Limits

LONGEST_SECONDS: Final = 60.0
"""The longest period of any channel's rates."""

_HALF_HOUR: Final = 30
_CALM_SECONDS: Final = 60
_SPREAD_SECONDS: Final = 30


class Door:
    """Who has `turn` may ask `wait`, and must tell `sent` of each attempt."""

    def __init__(self, address: str, limits: Limits, lately: Iterable[datetime] = ()) -> None:
        """`lately`: the attempts of before that may still count, as the ledger has them."""
        self.turn = asyncio.Lock()
        self._limits = limits
        self._sent = sorted(lately)
        self._keep = max((rate.number for rate in limits.rates), default=0)
        self._closed_until: datetime | None = None
        self._closed_for = timedelta(0)
        # Robots of one make would all be sent to in the same second after a calm minute.
        self._spread = int.from_bytes(sha256(address.encode()).digest()[:4]) % (_SPREAD_SECONDS + 1)

    def wait(self, now: datetime) -> float:
        """Seconds until the next attempt may begin; 0: now. A clock that was set back costs no more than the
        longest wait there is.
        """
        waits = [0.0]
        if self._closed_until:
            waits.append(min(self._closed_until - now, self._closed_for).total_seconds())
        for rate in self._limits.rates:
            if len(self._sent) >= rate.number:
                back = self._sent[-rate.number] + timedelta(seconds=rate.seconds) - now
                waits.append(min(back.total_seconds(), rate.seconds))
        longest = max(waits)
        if self._limits.avoids_half_hours:
            longest += self._calm(now + timedelta(seconds=longest))
        return longest

    def sent(self, at: datetime, closed: float = 0.0) -> None:
        """An attempt ended; the receiver wants none for `closed` seconds."""
        insort(self._sent, at)
        del self._sent[: max(0, len(self._sent) - self._keep)]
        if closed > 0:
            self._closed_for = timedelta(seconds=closed)
            self._closed_until = at + self._closed_for

    def _calm(self, at: datetime) -> float:
        into = (at.minute % _HALF_HOUR) * 60 + at.second + at.microsecond / 1e6
        calm = _CALM_SECONDS + self._spread
        return calm - into if into < calm else 0.0
