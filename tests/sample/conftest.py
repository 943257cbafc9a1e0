"""A county small enough to count by hand."""

from pathlib import Path

import pytest

from services.platform.plan import Plan, load_plan

YANSHAN = Path(__file__).parents[2] / "plans" / "yanshan"

DIVISIONS = """\
code,name,level,parent,setting
100000,小县,county,,
100000101,甲镇,township,100000,
100000201,乙乡,township,100000,
100000101001,东社区,community,100000101,urban
100000101002,西社区,community,100000101,urban
100000101201,南村委会,community,100000101,rural
100000201201,北村委会,community,100000201,rural
"""


@pytest.fixture
def small(tmp_path: Path) -> Plan:
    """A county of two townships, one without urban communities; Yanshan's indicators and targets."""
    (tmp_path / "divisions.csv").write_text(DIVISIONS, encoding="utf-8")
    county = (YANSHAN / "plan.yaml").read_text(encoding="utf-8").replace("532622", "100000")
    (tmp_path / "plan.yaml").write_text(county, encoding="utf-8")
    for name in ("indicators.yaml", "tasks.yaml", "rules.yaml", "feeds.yaml"):
        (tmp_path / name).write_bytes((YANSHAN / name).read_bytes())
    return load_plan(tmp_path)
