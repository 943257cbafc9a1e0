"""Plan folders: Yanshan's holds the whole plan, another county needs no code, and mistakes are all told."""

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml

from schemas.declaration import Indicator
from services.figures.tally import Tally
from services.platform.errors import PlanError
from services.platform.plan import Plan, load_plan
from services.platform.plan_files.mistakes import FILES

PLANS = Path(__file__).parents[1] / "plans"
YANSHAN = Path(__file__).parents[2] / "plans" / "yanshan"

# The plan's promises: id, target, due year (None: each year) and whether townships have the figure too.
PROMISES = """
childcare_places_per_1000 ≥4.5 2025 township
new_estate_childcare_coverage ≥100 2025 township
complete_community_childcare_compliance ≥60 2025 township
community_childcare_coverage ≥50 2025 township
inclusive_kindergarten_coverage ≥85 2025 township
public_kindergarten_share ≥50 2025 township
preschool_gross_enrolment ≥95 2025 township
oversized_classes =0 2025 township
teacher_rotation_rate ≥10 yearly county
physicians_per_1000 ≥2.58 2025 township
nurses_per_1000 ≥3.63 2025 township
medical_beds_per_1000 ≥7.2 2025 township
primary_care_nursing_bed_share ≥30 2025 township
medical_eldercare_contract_rate ≥100 2025 township
integrated_care_units ≥1 2025 county
township_integrated_care_demos ≥100 2025 county
age_friendly_institutions ≥90 2025 township
elderly_green_channel ≥100 2025 township
hospice_pilot_tertiary ≥100 2025 county
hospice_pilot_secondary ≥100 2035 county
mobile_booking_coverage ≥100 2025 township
no_health_code_channel ≥100 2025 county
township_eldercare_coverage ≥60.4 2025 county
eldercare_nursing_bed_share ≥51 2025 township
new_estate_eldercare_compliance ≥100 2025 township
rural_community_facility_coverage ≥80 2025 township
urban_community_facility_coverage ≥100 2025 township
community_service_area_share ≥10 2025 township
community_facility_area_per_100_households ≥30 2025 township
community_activity_area_share ≥60 2025 township
sports_area_per_capita ≥2.3 2025 township
new_estate_sports_compliance ≥100 2025 township
fitness_events_in_year ≥20 yearly township
basic_service_measures_rate ≥100 2025 county
quality_vocational_majors ≥3 2022 county
higher_vocational_majors ≥2 2022 county
schools_with_care_majors ≥6 2025 county
"""
SIGNS = {"at_least": "≥", "at_most": "≤", "exactly": "="}


@pytest.fixture(scope="module")
def yanshan() -> Plan:
    return load_plan(YANSHAN)


def promise(indicator: Indicator) -> str:
    target = indicator.target
    assert target is not None
    due = f"{target.due:%Y}" if target.due else "yearly"
    assert target.due is None or (target.due.month, target.due.day) == (12, 31)
    lowest = "township" if "township" in indicator.levels else "county"
    return f"{indicator.id} {SIGNS[target.direction]}{target.value} {due} {lowest}"


def test_yanshan_promises_what_the_plan_promises(yanshan: Plan) -> None:
    aimed = [indicator for indicator in yanshan.indicators.values() if indicator.target]
    assert [promise(indicator) for indicator in aimed] == PROMISES.split("\n")[1:-1]
    assert all(indicator.owner.startswith("县") for indicator in aimed)


def test_every_target_holds_at_the_indicators_levels(yanshan: Plan) -> None:
    for indicator in yanshan.indicators.values():
        below = [level for level in indicator.levels if indicator.target and not indicator.target_at(level)]
        assert below == (["township"] if indicator.id == "fitness_events_in_year" else []), indicator.id


def test_yanshan_watches_the_rest(yanshan: Plan) -> None:
    watched = [name for name, indicator in yanshan.indicators.items() if not indicator.target]
    assert Counter(re.sub(r"_.*", "", name) for name in watched) == {
        "childcare": 1, "inclusive": 1, "elder": 1, "convenience": 1, "quarter": 1, "mother": 1, "idle": 1,
        "simplified": 1, "fitness": 5, "culture": 4, "townships": 1, "villages": 1, "voucher": 15,
        "institutions": 3, "persons": 1, "startup": 7,
    }  # fmt: skip


def test_yanshans_tasks_are_the_annex(yanshan: Plan) -> None:
    assert list(yanshan.tasks) == list(range(1, 36))
    assert Counter(task.action.zh[0] for task in yanshan.tasks.values()) == dict(
        zip("一二三四五六七八", (6, 5, 3, 3, 2, 6, 4, 6), strict=True)
    )
    groups = list(dict.fromkeys(task.group.zh for task in yanshan.tasks.values()))
    assert len(groups) == 26
    assert (groups[0][:3], groups[-1][:5]) == ("（一）", "（二十六）")
    assert yanshan.tasks[29].cooperating == ["县司法局", "县发展改革局", "各乡（镇）人民政府"]


def test_a_tasks_indicators_are_those_whose_source_is_its_row(yanshan: Plan) -> None:
    rows: dict[int, list[str]] = {number: [] for number in yanshan.tasks}
    for indicator in yanshan.indicators.values():
        named = re.findall(r"row (\d+)", indicator.source)
        assert named == ([str(indicator.task)] if indicator.task else []), indicator.id
        assert re.findall(r"附件第(\d+)项", indicator.source) == named, indicator.id
        for row in named:
            rows[int(row)].append(indicator.id)
    assert {number: task.indicators for number, task in yanshan.tasks.items()} == rows


@pytest.mark.parametrize(
    "indicator",
    [
        "township_integrated_care_demos",  # one in each township; one in the county
        "quality_vocational_majors",  # by 2025; by 2022
        "mobile_booking_coverage",  # all institutions connected; public ones only
    ],
)
def test_where_the_plan_disagrees_with_itself_the_note_says_which_is_followed(
    yanshan: Plan, indicator: str
) -> None:
    note = yanshan.indicators[indicator].note
    assert note is not None
    assert "较严" in note.zh
    assert "stricter" in note.en


MISTAKES = """
plan.yaml:1: county: 应为文字
plan.yaml:5: time_zone: 没有时区 'Asia/Shangai'
divisions.csv:5: 990101101002: 上级 '9901011' 不在本表中
divisions.csv:6: 990101301: level: 'town' 不对
divisions.csv:7: 990101101001 在第 4 行已有
divisions.csv:8: 99010110: township 的代码应为 9 位数字
divisions.csv:9: 990101101003: 社区须填 setting
divisions.csv:10: 应有 5 列
divisions.csv:11: 990101101004: 上级 990101 应为 township
indicators.yaml:1: places_per_1000: 缺少 name
indicators.yaml:3: places_per_1000: nmae: 没有字段 'nmae'
indicators.yaml:5: places_per_1000: unit: 单位 个/千人 是比率，缺少 denominator
indicators.yaml:6: places_per_1000: numerator.where.status: 没有值 'opened'
indicators.yaml:6: places_per_1000: numerator.sum: 没有字段 'place'
indicators.yaml:15: urban_coverage: numerator.where.inclusive: 'yes please' 不对，应为 true 或 false
indicators.yaml:16: urban_coverage: denominator: 分母永远是 0
indicators.yaml:20: urban_coverage: target.direction: 'atleast' 不对
indicators.yaml:21: urban_coverage: target.value: 120 超出了 limits
indicators.yaml:22: urban_coverage: target.due: '2025-02-30' 不是日期
indicators.yaml:23: urban_coverage: target.levels: 指标不按 township 计算
indicators.yaml:24: urban_coverage: task: tasks.yaml 中没有第 7 项任务
indicators.yaml:34: measures_done: numerator[1].statistic: 没有统计指标 'basic_service_measure'
indicators.yaml:35: measures_done: numerator[2].dimension: 没有分组 'eldercare'
indicators.yaml:35: measures_done: numerator[2].statistic: institutions_rated
indicators.yaml:36: measures_done: denominator: 分母永远是 0
indicators.yaml:37: measures_done: target: 有目标就要有责任单位 owner
indicators.yaml:37: measures_done: target.value: 101 超出了 limits
indicators.yaml:39: measures_done: task: tasks.yaml 第 8 行的任务 1 没有列出它
indicators.yaml:42: measures_done: id: 在第 28 行已有
indicators.yaml:45: name 写了两次
indicators.yaml:48: measures_done: numerator.statistic: persons_trained
indicators.yaml:49: measures_done: decimals: 应为整数
indicators.yaml:61: estates: numerator.where[1].elder_care_area_per_resident: 没有条件 'atleast'
indicators.yaml:62: estates: numerator.where[2].residents: 没有既 ≥ 10 又 ≤ 5 的数
indicators.yaml:63: estates: numerator.where[3].kind: 没有值 'mother_rooms'
indicators.yaml:63: estates: numerator.where[3].beds: 没有字段 'beds'
tasks.yaml:5: 任务1: lead: 不能为空
tasks.yaml:6: 任务1: indicators[2]: 没有指标 'no_such_figure'
tasks.yaml:8: 任务1: 缺少 lead
tasks.yaml:8: 任务1: number: 在第 1 行已有
tasks.yaml:11: 任务1: title: 缺少 en
rules.yaml:2: a: indicator: 没有指标 'place_per_1000'
rules.yaml:5: b: indicator: estates 在 county 没有目标
rules.yaml:6: b: clear_margin: 应 ≥ 0
rules.yaml:9: c: indicator: estates 在 county 没有目标
feeds.yaml:1: civil affairs/facilities: agency: 只能用字母、数字和 . _ -
feeds.yaml:2: civil affairs/facilities: stream: 'facilities' 不对
feeds.yaml:4: civil affairs/facilities: every: working_days、days、hours 须写且只写一个
feeds.yaml:5: civil affairs/facilities: since: '2024-02-30' 不是日期
feeds.yaml:9: statistics/statistic: every.weeks: 没有字段 'weeks'
feeds.yaml:9: statistics/statistic: every: working_days、days、hours 须写且只写一个
feeds.yaml:11: statistics/statistic: indicators[1]: 没有指标 'estate'
feeds.yaml:13: statistics/statistic: stream: 在第 6 行已有
feeds.yaml:15: statistics/statistic: every.hours: 应 ≥ 1
schematic.yaml:1: 缺少乡镇
schematic.yaml:1: 第1条: column: 第 0 行的 column 应为偶数
schematic.yaml:2: 第2条: division: 在第 1 行已有
schematic.yaml:3: 第3条: column: 与第 2 行同一格
schematic.yaml:3: 第3条: division: divisions.csv 中没有乡镇 990101102
schematic.yaml:4: 第4条: colour: 没有字段 'colour'
schematic.yaml:4: 第4条: row: 应 ≥ 0
schematic.yaml:4: 第4条: 缺少 division
"""


def told(folder: Path) -> list[str]:
    """What is wrong with a plan folder, a line a mistake."""
    with pytest.raises(PlanError) as refused:
        load_plan(folder)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


def test_every_mistake_is_told_at_once_with_its_file_and_line() -> None:
    expected = MISTAKES.split("\n")[1:-1]
    found = told(PLANS / "mistakes")
    assert sorted(line for line in found if not line.startswith(tuple(expected))) == []
    assert [line for line in expected if not any(one.startswith(line) for one in found)] == []
    assert len(found) == len(expected)


def test_a_mistyped_name_is_told_with_the_one_that_was_meant() -> None:
    found = told(PLANS / "mistakes")
    assert any("did you mean open?" in line for line in found)
    assert any("did you mean places?" in line for line in found)
    assert any("did you mean elder_care?" in line for line in found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan without mistakes, to make one in."""
    return copytree(PLANS / "qingxi", tmp_path / "plan")


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("constant: 40", "constant: forty", "47: measures_done: denominator.constant: 应为数字"),
        ("{constant: 40}", "40", "47: measures_done: denominator: 应为一个分项"),
        ("{divisions: community", "{divisions: village", "22: urban_communities_with_a_canteen: denominator"),
        ("basic_service_measures}", "basic_service_measures, dimension: x}", "46: measures_done: numerator"),
        (
            "count: true, where: {kind: s",
            "where: {kind: s",
            "36: large_venues: numerator: sum、count、having",
        ),
        ("from: facility, count", "from: facilities, count", "6: canteens_per_1000: numerator.from: 'facil"),
        (
            "kind: sports_venue",
            "kind: [sports_venue, {}]",
            "36: large_venues: numerator.where.kind: 应为一个值",
        ),
        ("kind: sports_venue", "kind: []", "36: large_venues: numerator.where.kind: 没有任何值"),
        ("where: {kind: sports_venue", "where: [kind], not: {a: b", "36: large_venues: "),
        ("{at_least: 1000}", "{}", "36: large_venues: numerator.where.sports_area: 须写 at_least 或 at_most"),
        (
            "{at_least: 1000}",
            "{at_least: big}",
            "36: large_venues: numerator.where.sports_area: at_least",
        ),
        ("open, sports_area:", "{at_least: 1}, x:", "36: large_venues: numerator.where.status: 不是数字"),
        (
            "count: true, where: {kind: sp",
            "sum: name, where: {kind: sp",
            "36: large_venues: numerator.sum: name",
        ),
        (
            "levels: [county]",
            "levels: county",
            "26: urban_communities_with_a_canteen: target.levels: 应为",
        ),
        ("high: 100", "high: 99", "26: urban_communities_with_a_canteen: target.value: 100 超出了 limits"),
        ("value: 0.1, day", "value: -1, day", "11: canteens_per_1000: baseline.value: -1 超出了 limits"),
    ],
)
def test_a_mistake_in_an_indicator_is_told_where_it_is(
    folder: Path, old: str, new: str, expected: str
) -> None:
    change(folder, "indicators.yaml", old, new)
    assert any(line.startswith(f"indicators.yaml:{expected}") for line in told(folder)), told(folder)


def test_a_condition_that_one_of_two_kinds_can_meet_is_no_mistake(folder: Path) -> None:
    change(folder, "indicators.yaml", "kind: sports_venue", "kind: [sports_venue, estate]")
    load_plan(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["missing", "not UTF-8", "not YAML"])
def test_a_file_that_cannot_be_read_is_one_mistake(folder: Path, name: str, how: str) -> None:
    path = folder / name
    if how == "missing":
        path.unlink()
    elif how == "not UTF-8":
        path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    else:
        path.write_text("a: [1\nb: 2\n", encoding="utf-8")
    if (name, how) == ("schematic.yaml", "missing"):
        assert load_plan(folder).schematic.declared is False
        return
    found = told(folder)
    assert [line for line in found if line.startswith(name)] == found[:1]
    # Without divisions some denominators are nought; nothing else depends on what could not be read.
    assert len(found) == 1 or name == "divisions.csv"


RULE = "- id: r\n  kind: %s\n  name: {zh: 规则, en: rule}\n%s"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("lagg", "", "2: r: kind: 'lagg' 不对，只能是 'value', 'status', 'forecast'"),
        ("lag", "  for: 2 days\n", "4: r: for: 应为时长，如 30m、12h、2d"),
        ("lag", "  keep_firing: 5\n", "4: r: keep_firing: 应为时长"),
        ("lag", "  indicator: estates\n", "4: r: indicator: 没有字段 'indicator'"),
        ("lag", "  severity: fatal\n", "4: r: severity: 'fatal' 不对"),
        ("lag", "  threshold: many\n", "4: r: threshold: 应为数字"),
        ("lag", "  window: 1h\n", "4: r: window: 没有字段 'window'"),
        ("lag", "  enabled: perhaps\n", "4: r: enabled: 应为 true 或 false"),
        ("lag", "  divisions: ['000000']\n", "4: r: divisions[1]: 000000 不在 divisions.csv 中"),
        ("lag", "  levels: [township]\n  divisions: ['%(county)s']\n", "5: r: divisions[1]: "),
        ("lag", "  inhibits: [nobody]\n", "4: r: inhibits[1]: 没有规则 'nobody'"),
        ("lag", "  inhibits: [r]\n", "4: r: inhibits[1]: r 又抑制它"),
        ("forecast", "", "1: r: 缺少 indicator"),
        ("status", "  indicator: estate\n", "4: r: indicator: 没有指标 'estate'"),
        ("status", "  indicator: canteens_per_1000\n  statuses: [late]\n", "5: r: statuses[1]: 'late' 不对"),
    ],
)
def test_a_mistake_in_a_rule_is_told_where_it_is(folder: Path, kind: str, fields: str, expected: str) -> None:
    path = folder / "rules.yaml"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    county = next(line.split(",")[0] for line in (folder / "divisions.csv").read_text().splitlines()[1:])
    path.write_text(
        path.read_text(encoding="utf-8") + RULE % (kind, fields.replace("%(county)s", county)),
        encoding="utf-8",
    )
    number, rest = expected.split(":", 1)
    wanted = f"rules.yaml:{lines + int(number)}:{rest}"
    assert any(line.startswith(wanted) for line in told(folder)), (wanted, told(folder))


def test_rules_follow_from_targets_and_an_entry_of_the_same_id_overrides() -> None:
    plan = load_plan(YANSHAN)
    aimed = [one.id for one in plan.indicators.values() if one.target]
    for name in aimed:
        assert plan.rules[f"{name}_forecast"].kind == "forecast"
        assert plan.rules[f"{name}_missed"].kind == "status"
    assert {rule.id for rule in plan.rules.values() if "township" in rule.levels} == set()


def test_a_default_rule_is_switched_off_or_made_another_by_its_id(tmp_path: Path) -> None:
    folder = Path(copytree(YANSHAN, tmp_path / "plan"))
    one, other = "childcare_places_per_1000_forecast", "childcare_places_per_1000_missed"
    entry = (
        "- id: %s\n  kind: %s\n  indicator: childcare_places_per_1000\n  name: {zh: 规则, en: rule}\n  %s\n"
    )
    text = entry % (one, "forecast", "enabled: false") + entry % (other, "status", "severity: info")
    with (folder / "rules.yaml").open("a", encoding="utf-8") as file:
        file.write(text)
    plan = load_plan(folder)
    assert one not in plan.rules
    assert plan.rules[other].severity == "info"
    with (folder / "rules.yaml").open("a", encoding="utf-8") as file:
        file.write(entry % ("nurses_per_1000_missed", "status", "severity: info"))
        file.write(entry % ("nurses_per_1000_forecast", "value", "severity: info"))
    found = told(folder)
    assert any("是 nurses_per_1000 的默认规则" in line for line in found)
    assert any("种类应为 forecast" in line for line in found)
    assert len(found) == 2


def test_lines_are_those_of_the_file_also_after_comments_and_windows_line_ends(folder: Path) -> None:
    path = folder / "rules.yaml"
    text = "# 说明\r\n\r\n" + path.read_text(encoding="utf-8").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("canteens_per_1000", "canteens").encode())
    [found] = told(folder)
    assert found.startswith("rules.yaml:4: too_few_canteens: indicator: 没有指标 'canteens'")


def places_in(content: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key, inner in content.items() if isinstance(content, dict) else enumerate(content):
        if isinstance(inner, dict | list):
            yield from places_in(inner, (*at, key))
        else:
            yield (*at, key)


JUNK: tuple[Any, ...] = (None, True, "x", [[{"a": 1}]], {"kind": {"at_least": []}})


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("yaml")])
def test_whatever_stands_somewhere_the_answer_is_a_plan_or_its_mistakes(folder: Path, name: str) -> None:
    path = folder / name
    content = {"all": yaml.safe_load(path.read_text(encoding="utf-8"))}
    for steps, junk in zip(places_in(content), cycle(JUNK), strict=False):
        spoiled = deepcopy(content)
        inner: Any = spoiled
        for step in steps[:-1]:
            inner = inner[step]
        inner[steps[-1]] = junk
        path.write_text(yaml.safe_dump(spoiled["all"], allow_unicode=True), encoding="utf-8")
        try:
            load_plan(folder)
        except PlanError as refused:
            first = str(refused).splitlines()[1]
        else:
            continue
        assert re.match(r"  [a-z]+\.(yaml|csv):\d+: .", first), first


# ---- another county ------------------------------------------------------------------------------------


def test_another_county_is_another_folder() -> None:
    plan = load_plan(PLANS / "qingxi")
    assert plan.county.name.zh == "清溪县"
    assert [division.level for division in plan.shown_divisions] == ["county", "township", "township"]
    assert [task.lead for task in plan.tasks.values()] == [["县民政局"], ["县发展改革局"]]
    assert plan.indicators["canteens_per_1000"].baseline is not None
    assert [(tile.column, tile.row) for tile in plan.schematic.tiles] == [(0, 0), (1, 1)]


def test_without_a_schematic_the_townships_lie_row_by_row(tmp_path: Path) -> None:
    folder = copytree(YANSHAN, tmp_path / "plan")
    (folder / "schematic.yaml").unlink()
    schematic = load_plan(folder).schematic
    assert not schematic.declared
    rows = Counter(tile.row for tile in schematic.tiles)
    assert [rows[row] for row in sorted(rows)] == [4, 4, 3]
    (folder / "schematic.yaml").write_text(
        yaml.safe_dump([tile.model_dump() for tile in schematic.tiles]), encoding="utf-8"
    )
    assert load_plan(folder).schematic.tiles == schematic.tiles


def test_another_countys_figures_follow_from_its_folder() -> None:
    plan = load_plan(PLANS / "qingxi")
    tally = Tally(plan, plan.indicators.values())
    day, later = date(2025, 3, 1), date(2025, 4, 1)

    def facility(name: str, division: str, **fields: object) -> None:
        tally.set_state("facility", name, day, {"division": division, "status": "open", **fields})

    def reported(division: str, measure: str, value: int) -> None:
        state = {"division": division, "measure": measure, "dimension": "", "value": Decimal(value)}
        tally.set_state("statistic", f"{division}/{measure}/", day, state)

    facility("c1", "990101101001", kind="elder_canteen")
    facility("c2", "990101101001", kind="elder_canteen")
    facility("c3", "990101201201", kind="elder_canteen")
    facility("v1", "990101201201", kind="sports_venue", sports_area=Decimal("1000.00"))
    facility("v2", "990101101002", kind="sports_venue", sports_area=Decimal("999.99"))
    reported("990101101", "resident_population", 8000)
    reported("990101201", "resident_population", 4000)
    reported("990101", "basic_service_measures", 36)
    closed = {"division": "990101201201", "status": "closed", "kind": "elder_canteen"}
    tally.set_state("facility", "c3", later, closed)

    def figures(indicator: str, day: date) -> list[tuple[float | None, str]]:
        divisions = tally.divisions(plan.indicators[indicator])
        readings = [tally.reading(indicator, division.code, day) for division in divisions]
        return [(reading.value, reading.status) for reading in readings]

    assert figures("canteens_per_1000", day) == [(0.25, "below"), (0.25, "below"), (0.25, "below")]
    assert [value for value, _ in figures("canteens_per_1000", later)] == pytest.approx([1 / 6, 0.25, 0])
    assert figures("urban_communities_with_a_canteen", day) == [
        (50.0, "below"), (50.0, "watched"), (None, "not_applicable"),
    ]  # fmt: skip
    assert figures("large_venues", day) == [(1.0, "watched"), (0.0, "watched"), (1.0, "watched")]
    assert figures("measures_done", day) == [(90.0, "met")]
