"""A county of two townships and four communities, one township without urban ones; Yanshan's indicators."""

import shutil
from pathlib import Path

from services.platform.plan import Plan, load_plan
from tests.support.services import YANSHAN

COUNTY, TOWN, TOWNSHIP = "100000", "100000101", "100000201"
EAST, WEST, SOUTH, NORTH = "100000101001", "100000101002", "100000101201", "100000201201"
TOWNSHIPS = (TOWN, TOWNSHIP)
COMMUNITIES = (EAST, WEST, SOUTH, NORTH)

_DIVISIONS = f"""\
code,name,level,parent,setting
{COUNTY},小县,county,,
{TOWN},甲镇,township,{COUNTY},
{TOWNSHIP},乙乡,township,{COUNTY},
{EAST},东社区,community,{TOWN},urban
{WEST},西社区,community,{TOWN},urban
{SOUTH},南村委会,community,{TOWN},rural
{NORTH},北村委会,community,{TOWNSHIP},rural
"""


def small_plan(folder: Path) -> Plan:
    """Write the plan into a new folder and read it."""
    shutil.copytree(YANSHAN, folder, ignore=shutil.ignore_patterns("schematic.yaml"))
    (folder / "divisions.csv").write_text(_DIVISIONS, encoding="utf-8")
    county = (folder / "plan.yaml").read_text(encoding="utf-8").replace("532622", COUNTY)
    (folder / "plan.yaml").write_text(county, encoding="utf-8")
    return load_plan(folder)
