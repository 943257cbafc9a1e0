"""A bucket of tokens: so many at once, so many a second."""


class Bucket:
    """Holds up to `burst` tokens and gets `rate` a second.

    What is taken may be more than it holds: the next ones wait until the debt is paid.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled = now

    def wait(self, now: float, wanted: float) -> float:
        """Seconds until it holds `wanted` tokens (0: now)."""
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        return max(0.0, (wanted - self._tokens) / self._rate)

    def take(self, tokens: float) -> None:
        """Take tokens, more than there are if need be; less than none gives some back."""
        self._tokens -= tokens
