"""Pieces of SQL that the board's readers share."""

from collections.abc import Iterable

from schemas.parts import Bound, Condition, RecordsPart, Scalar, Where

Params = dict[str, object]


def text(value: str) -> str:
    """Return an SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("%", "%%")
    return f"'{escaped}'"


def condition(part: RecordsPart) -> str:
    """Return what a row must meet to count in a part; never NULL."""
    alternatives = [_all(where) for where in part.alternatives]
    return f"({' OR '.join(alternatives)})"


def _all(where: Where) -> str:
    terms = [_one(field, wanted) for field, wanted in where.items()]
    return f"ifNull({' AND '.join(terms)}, 0)" if terms else "1"


def _one(field: str, wanted: Condition) -> str:
    if isinstance(wanted, Bound):
        bounds = ((">=", wanted.at_least), ("<=", wanted.at_most))
        return " AND ".join(f"{field} {sign} {limit}" for sign, limit in bounds if limit is not None)
    return f"{field} IN ({', '.join(_literals(wanted if isinstance(wanted, list) else [wanted]))})"


def _literals(values: Iterable[Scalar]) -> list[str]:
    return [text(value) if isinstance(value, str) else str(+value) for value in values]
