"""Settings and plan, checked together before anything starts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from services.platform.access.settings import AccessSettings, check_listening
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan
from services.platform.settings import Common, load


def mistakes(plan: Path, *kinds: type[Common]) -> list[str]:
    """Everything that is wrong with the settings of these kinds and with the plan, line by line."""
    checks: list[Callable[[], object]] = [*(partial(_load, kind) for kind in kinds), partial(load_plan, plan)]
    found: list[str] = []
    for check in checks:
        try:
            check()
        except MinmaiError as error:
            found += str(error).splitlines()
    return list(dict.fromkeys(found))  # the settings that services share are reported once


def _load(kind: type[Common]) -> None:
    settings = load(kind)
    if isinstance(settings, AccessSettings):
        check_listening(settings)
