"""Ends a running statement whose client asks for that, or is gone.

The thread that runs a statement waits inside the engine and cannot look at its socket, so one thread
looks at the sockets of all running statements, ten times a second while there are any.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deploy.embedded.clickhouse.errors import EngineError

log = logging.getLogger(__name__)

_INTERVAL = 0.1
_STOP_SECONDS = 5.0


class Running:
    """One running statement; `stopped` once its end was asked for."""

    def __init__(self, client: socket.socket, tag: str, cancel: bytes) -> None:
        self.client = client
        self.tag = tag
        self.cancel = cancel
        self.stopped = False

    def wants_end(self) -> bool:
        """Whether the client is gone, or the next byte it sent is its protocol's cancel."""
        try:
            seen = self.client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return seen in {b"", self.cancel}


class Watch:
    """The watching thread; `kill(tag)` must ask the statement of that tag to stop."""

    def __init__(self, kill: Callable[[str], None]) -> None:
        self._kill = kill
        self._running: set[Running] = set()
        self._changed = threading.Condition()
        # Whether the thread waits for a first statement; waking it for each would cost more than many take.
        self._idle = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, client: socket.socket, tag: str, cancel: bytes = b"") -> Iterator[Running]:
        """Watch `client` while the statement on the connection tagged `tag` runs."""
        running = Running(client, tag, cancel)
        with self._changed:
            self._running.add(running)
            if self._idle:
                self._idle = False
                self._changed.notify()
        try:
            yield running
        finally:
            with self._changed:
                self._running.discard(running)
                if self._closed.is_set():
                    self._changed.notify_all()

    def stop_all(self) -> None:
        """End the thread, ask every running statement to stop, and wait some seconds until all have."""
        with self._changed:
            self._closed.set()
            running = list(self._running)
            self._changed.notify_all()
        self._thread.join()
        for one in running:
            self._end(one)
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, _STOP_SECONDS):
                log.warning("%d statements would not stop", len(self._running))

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._running and not self._closed.is_set():
                    self._idle = True
                    self._changed.wait()
                self._idle = False
            # A statement that ends within one interval, nearly all of them, is never looked at.
            if self._closed.wait(_INTERVAL):
                return
            with self._changed:
                running = list(self._running)
            for one in self._readable(running):
                if one.wants_end():
                    with self._changed:
                        if one not in self._running:
                            continue
                        one.stopped = True
                    self._end(one)

    def _end(self, one: Running) -> None:
        try:
            self._kill(one.tag)
        except EngineError:
            log.exception("the statement of a client that left could not be stopped")

    @staticmethod
    def _readable(running: list[Running]) -> list[Running]:
        poll = select.poll()
        by_number = {one.client.fileno(): one for one in running if one.client.fileno() >= 0}
        for number in by_number:
            poll.register(number, select.POLLIN | select.POLLHUP)
        return [by_number[number] for number, _ in poll.poll(0)]
