"""The places of a plan, as the tally asks for them."""

from collections import Counter
from functools import cache

from services.platform.plan import Plan

_DIGITS = {"county": 6, "township": 9, "community": 12}


class Places:
    """Which divisions lie in which, and how many there are."""

    def __init__(self, plan: Plan) -> None:
        self.shown = plan.shown_divisions
        self._settings = {code: division.setting for code, division in plan.divisions.items()}
        self._numbers: Counter[tuple[str, str | None, str]] = Counter()
        for division in plan.divisions.values():
            for length in range(6, len(division.code) + 1, 3):
                for setting in {None, division.setting}:
                    self._numbers[division.level, setting, division.code[:length]] += 1
        shown = frozenset(division.code for division in self.shown)
        self.chain = cache(
            lambda code: tuple(
                code[:length] for length in (6, 9) if length <= len(code) and code[:length] in shown
            )
        )

    def at(self, code: str, level: str) -> str | None:
        """Return the division of a level that a place lies in, if it lies in one of the plan's."""
        found = code[: _DIGITS[level]]
        return found if len(found) == _DIGITS[level] and found in self._settings else None

    def setting(self, code: str) -> str:
        """Return whether a community is urban or rural."""
        return self._settings[code]

    def number(self, level: str, setting: str | None, within: str) -> int:
        """Return how many divisions of a level lie in one (itself included)."""
        return self._numbers[level, setting, within]
