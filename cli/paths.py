"""Where things lie when nobody says."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The folder that holds the packages; in a checkout, the checkout."""

_PLAN = Path("plans/yanshan")


def plan_folder() -> Path:
    """MINMAI_PLAN, else plans/yanshan in the working directory, else the one beside the packages."""
    told = os.environ.get("MINMAI_PLAN")
    if told:
        return Path(told)
    return _PLAN if _PLAN.is_dir() else ROOT / _PLAN
