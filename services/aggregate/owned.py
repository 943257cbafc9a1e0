"""What a worker knows of a partition that it owns."""

from dataclasses import dataclass, field
from typing import Any

from services.aggregate.blocks import Place
from services.aggregate.stretch import Stretch


@dataclass
class Owned:
    """A partition this worker owns.

    `position`: the first offset not yet counted; `waiting`: what has been fetched from there on; `ahead`:
    what of that is read before its turn; `sought`: the offset it was last asked for again; `begun`: whether
    an earlier owner may have counted the block that begins at `position`.
    """

    place: Place
    position: int
    agreed: int | None = None
    waiting: list[Any] = field(default_factory=list)
    ahead: Stretch | None = None
    sought: int | None = None
    begun: bool = False

    @property
    def wanted(self) -> int:
        """The offset that has to come next."""
        return self.waiting[-1].offset + 1 if self.waiting else self.position

    @property
    def is_short(self) -> bool:
        """Whether the agreed block is longer than what has been fetched of it."""
        return self.agreed is not None and self.wanted <= self.agreed

    def drop_ahead(self) -> None:
        """Give up what was read before its turn."""
        if self.ahead is not None:
            self.ahead.drop()
        self.ahead = None
