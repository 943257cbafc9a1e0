"""HTTP sessions: connections that requests of the same `session_id` share, for their temporary tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.errors import SESSION_IS_LOCKED, EngineError
from deploy.embedded.clickhouse.link import Link

_SECONDS = 60.0
_LONGEST_SECONDS = 3600.0


@dataclass(slots=True)
class _Session:
    link: Link
    seconds: float
    ends: float = 0.0
    busy: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """The open sessions; one ends when it was not used for its timeout."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def use(self, name: str, timeout: str) -> Iterator[Link]:
        """The connection of the session `name`, made when new; `timeout` in seconds, as the client wrote it.

        Raises EngineError (SESSION_IS_LOCKED) while another request uses it.
        """
        seconds = min(float(timeout), _LONGEST_SECONDS) if timeout.isdecimal() else _SECONDS
        with self._lock:
            self._expire(time.monotonic())
            if name not in self._open:
                self._open[name] = _Session(self._engine.connect(), seconds)
            session = self._open[name]
            if not session.busy.acquire(blocking=False):
                raise EngineError(SESSION_IS_LOCKED, f"Session {name} is locked by a concurrent client")
        session.seconds = seconds
        try:
            yield session.link
        finally:
            session.ends = time.monotonic() + session.seconds
            session.busy.release()

    def close(self) -> None:
        """End all sessions."""
        with self._lock:
            self._expire(float("inf"))

    def _expire(self, now: float) -> None:
        for name, session in list(self._open.items()):
            if session.ends < now and session.busy.acquire(blocking=False):
                del self._open[name]
                session.link.close()
