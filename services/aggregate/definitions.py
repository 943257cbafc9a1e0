"""Which definition of each indicator held from when on, as table `indicator_definition` has it."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.declaration import Indicator
from services.platform.clickhouse import ClickHouse

log = logging.getLogger(__name__)


def newly_held(clickhouse: ClickHouse, indicators: Mapping[str, Indicator]) -> list[Indicator]:
    """Return the indicators whose newest definition in the table is another one, or none.

    One whose definition is another and has the same number is named in the log: nobody wrote down that, and
    why, it changed.
    """
    rows = clickhouse.query(
        "SELECT indicator, argMax(definition, since) FROM indicator_definition GROUP BY indicator"
    )
    held: dict[str, str] = dict(rows)
    found = [one for one in indicators.values() if held.get(one.id) != one.definition_id]
    for one in found:
        before = held.get(one.id, "")
        if before.partition(".")[0] == str(one.version):
            log.warning(
                "%s: its definition was %s and is %s, with no new entry under `changes` in the plan",
                *(one.id, before, one.definition_id),
            )
    return found


def columns(indicators: list[Indicator], since: datetime) -> dict[str, list[Any]]:
    """Return the rows that say these definitions hold from a moment on, as columns."""
    return {
        "indicator": [one.id for one in indicators],
        "definition": [one.definition_id for one in indicators],
        "declaration": [one.model_dump_json(by_alias=True, exclude_defaults=True) for one in indicators],
        "since": [since] * len(indicators),
    }
