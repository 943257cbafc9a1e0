"""How often somebody may try a password: by user and address, by address, and by user."""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from services.platform.bucket import Bucket

_PAIR = (5, 60.0)
_ADDRESS = (30, 10.0)
_NAME = (100, 30.0)
"""So many failures at once, then one in so many seconds. An office may share an address; who tries from many
addresses is held up by the name, which then holds up its owner too, for half a minute at a time."""

_MOST = 50_000
_IPV6_SITE = 64


class Attempts:
    """The failed attempts of late, in this process's memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def wait(self, name: str, address: str) -> float:
        """Take an attempt; return 0, or the seconds until one may be made, and then none is taken."""
        now = self._clock()
        buckets = self._of(name, address, now)
        seconds = max(bucket.wait(now, 1) for bucket in buckets)
        if seconds <= 0:
            for bucket in buckets:
                bucket.take(1)
        return seconds

    def succeeded(self, name: str, address: str) -> None:
        """Give the attempt back: it was none to guess."""
        for bucket in self._of(name, address, self._clock()):
            bucket.take(-1)

    def _of(self, name: str, address: str, now: float) -> list[Bucket]:
        site, name = _site(address), name.casefold()
        if len(self._buckets) > _MOST:
            self._forget(now)
        wanted = (((name, site), _PAIR), (("", site), _ADDRESS), ((name, ""), _NAME))
        return [
            self._buckets.setdefault(key, Bucket(1 / seconds, burst, now)) for key, (burst, seconds) in wanted
        ]

    def _forget(self, now: float) -> None:
        """Leave out the buckets that are full: they say what a new one says."""
        bursts = {(True, True): _PAIR, (False, True): _ADDRESS, (True, False): _NAME}
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if bucket.wait(now, bursts[bool(key[0]), bool(key[1])][0]) > 0
        }


def _site(address: str) -> str:
    """An IPv6 customer has 2^64 addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return address or "-"
    if isinstance(found, IPv6Address):
        return str(IPv6Address(int(found) >> _IPV6_SITE << _IPV6_SITE))
    return str(found)
