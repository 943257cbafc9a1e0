"""Names of the plan in what subscribers and silences choose."""

from collections.abc import Mapping
from typing import Any, get_args

from schemas.rules import RuleKind
from services.platform.errors import MinmaiError
from services.platform.plan import Plan
from services.platform.plan_files.words import unknown


class UnknownName(MinmaiError):
    """Something is chosen that the plan does not have; the message names it, and what comes near."""


def known(wanted: Mapping[str, Any], plan: Plan) -> None:
    """Raise UnknownName for an indicator, a kind of rule, a rule or a division that the plan does not have.

    It would mean no alert at all, and nobody would notice.
    """
    there = {
        "indicators": ("指标", "indicator", plan.indicators),
        "kinds": ("规则种类", "kind of rule", get_args(RuleKind)),
        "rules": ("规则", "rule", plan.rules),
        "divisions": ("区划", "division", plan.divisions),
    }
    lines = [
        f"{name}: {unknown(one, zh, en, names)}"
        for name, (zh, en, names) in there.items()
        for one in wanted.get(name) or ()
        if one not in names
    ]
    if lines:
        raise UnknownName("\n".join(lines))
