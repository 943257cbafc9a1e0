"""Parts over records, compiled: which current records count, and how much each gives."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from schemas.parts import PER_RESIDENT, Bound, Condition, RecordsPart

ONE = Decimal(1)


class Selection:
    """A part over records, ready to be asked of many of them."""

    def __init__(self, part: RecordsPart) -> None:
        self.part = part
        self._alternatives = [
            [_test(field, condition) for field, condition in where.items()] for where in part.alternatives
        ]

    def meets(self, state: Mapping[str, Any]) -> bool:
        """Whether the part counts a record that says this."""
        return any(all(test(state) for test in tests) for tests in self._alternatives)

    def amount(self, state: Mapping[str, Any]) -> Decimal:
        """Return what a counted record gives: one, or its field that is added up (nothing if it has none)."""
        return Decimal(state.get(self.part.sum) or 0) if self.part.sum else ONE


def with_derived(state: dict[str, Any]) -> dict[str, Any]:
    """Add the fields that follow from others (schemas.parts.PER_RESIDENT) to a facility's state."""
    if residents := state.get("residents"):
        for name, area in PER_RESIDENT.items():
            if state.get(area) is not None:
                state[name] = Decimal(state[area]) / residents
    return state


def _test(field: str, condition: Condition) -> Callable[[Mapping[str, Any]], bool]:
    if isinstance(condition, Bound):
        least, most = condition.at_least, condition.at_most

        def within(state: Mapping[str, Any]) -> bool:
            value = state.get(field)
            return value is not None and (least is None or value >= least) and (most is None or value <= most)

        return within
    wanted = frozenset(condition if isinstance(condition, list) else [condition])
    return lambda state: state.get(field) in wanted
