"""The watch: a worker that no longer moves what waits is seen, and ends itself to be started anew.

A worker can live, answer, keep its partitions, and count nothing: a step that never returns, a consumer that
fetches no more. Its process tells nothing of that, so offsets are watched. The watch has a thread and
a connection of its own, since the event loop or the consumer may be what stands still.
"""

import faulthandler
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import NoReturn

from aiokafka import TopicPartition
from mode import Service

from services.aggregate import metrics
from services.aggregate.progress import Progress, Standing, Unmoved
from services.aggregate.settings import AggregateSettings
from services.aggregate.waiting import absence
from services.platform.errors import Unavailable
from services.platform.offsets import Partition, ends, has_record

log = logging.getLogger(__name__)

EXIT_STUCK = 75
"""Exit code of a worker that was stuck: EX_TEMPFAIL, "try again"."""

_LONGEST_PAUSE = 5.0
_LAST_WORDS_SECONDS = 5.0
_FIGURES = "figures"


class Watch(Service):
    """Looks at the partitions a worker owns until its process ends, also while it is stopping.

    `partitions` and `figures` tell, from any thread, how far it has come: of each partition up to where it
    has fetched, of the rounds of the figures up to the one that was begun.
    """

    def __init__(
        self,
        settings: AggregateSettings,
        partitions: Callable[[], Mapping[Partition, Standing]],
        figures: Callable[[], Standing],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._partitions = partitions
        self._figures = figures
        self._progress = Progress()
        self.stuck: list[Unmoved] = []

    async def on_start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> NoReturn:
        pause = threading.Event()
        while True:
            self._look()
            # A round of the figures may take long where much stands, and would begin again from nothing.
            lasting = [
                one
                for one in self.stuck
                if one.seconds >= self._settings.stuck_restart_seconds and one.name != _FIGURES
            ]
            if lasting:
                _end(lasting)
            pause.wait(min(self._settings.stuck_seconds / 4, _LONGEST_PAUSE))

    def _look(self) -> None:
        try:
            self._progress.look(self._standings())
            stuck = [] if absence() else self._waiting_in_vain()
        except Unavailable:  # the reader and the producer say so themselves
            stuck = []
            self._progress.excuse()
        if absence():
            self._progress.excuse()
        for one in stuck:
            if one.name not in {known.name for known in self.stuck}:
                log.error("stuck: %s", one)
        self.stuck = stuck
        metrics.STUCK.set(len(stuck))

    def _standings(self) -> dict[str, Standing]:
        fetched = self._partitions()
        ended = ends(self._settings.kafka, fetched)
        partitions = {
            place: Standing(one.position, max(one.end, ended.get(place, 0))) for place, one in fetched.items()
        }
        for place, one in partitions.items():
            metrics.LAG.ends(TopicPartition(*place), one.end)
        named = {f"{topic}/{number}": one for (topic, number), one in partitions.items()}
        return named | {_FIGURES: self._figures()}

    def _waiting_in_vain(self) -> list[Unmoved]:
        found = []
        for one in self._progress.unmoved(self._settings.stuck_seconds):
            topic, _, number = one.name.partition("/")
            offset = one.standing.position
            if one.name == _FIGURES or has_record(self._settings.kafka, (topic, int(number)), offset):
                found.append(one)
            else:
                self._progress.excuse(one.name)
        return found


def _end(stuck: list[Unmoved]) -> NoReturn:
    """End the process at once: whatever is stuck would hold up an orderly end."""
    # In a thread, since the log may be what is stuck.
    saying = threading.Thread(target=_say_why, args=(stuck,), daemon=True)
    saying.start()
    saying.join(_LAST_WORDS_SECONDS)
    os._exit(EXIT_STUCK)


def _say_why(stuck: list[Unmoved]) -> None:
    log.critical(
        "stuck for good: %s; this worker ends with exit code %d, so that it is started anew; nothing is lost",
        "; ".join(map(str, stuck)),
        EXIT_STUCK,
    )
    faulthandler.dump_traceback(all_threads=True)
    logging.shutdown()
