"""The dashboards as Grafana takes them: not stale, with fixed ids, and showing what panels say."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.declaration import Target
from services.board.grafana import dashboards, generate
from services.board.grafana.client import PLUGIN
from services.board.panels.every import dashboards as declared
from services.board.panels.figures import thresholds
from services.platform.plan import load_plan
from tests.board.county import plan
from tests.board.grafana_bodies import DashboardBody

QINGXI = load_plan(Path(__file__).parents[1] / "plans" / "qingxi")
BOARD = "https://board.example.org"


def made(whose: Any) -> dict[str, dict[str, Any]]:
    prefix = f"minmai-{whose.county.county}-"
    found = dashboards.of(whose, source=f"{prefix}clickhouse", prefix=prefix, board=BOARD)
    return {one["uid"].removeprefix(prefix): one for one in found}


YANSHAN = made(plan())


def panels(whole: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in whole["panels"] if one["type"] != "row"]


def test_the_files_are_what_is_declared() -> None:
    """If this fails, run `make generate`."""
    there = {path.name: path.read_text(encoding="utf-8") for path in generate.FOLDER.glob("*")}
    assert there == generate.files(plan())


def test_a_file_too_many_is_removed(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}")
    generate.write(tmp_path)
    assert {path.name for path in tmp_path.glob("*")} == set(generate.files(plan()))


@pytest.mark.parametrize("whose", [plan(), QINGXI], ids=["yanshan", "qingxi"])
def test_grafana_takes_them(whose: Any) -> None:
    every = made(whose)
    assert list(every) == [one.id for one in declared(whose)]
    for whole in every.values():
        DashboardBody.model_validate_json(json.dumps(whole))
        ids = [one["id"] for one in whole["panels"]]
        assert len(set(ids)) == len(ids), "panels have numbers of their own"
        taken = [one["gridPos"] for one in whole["panels"]]
        cells = [
            (x, y)
            for at in taken
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        ]
        assert len(set(cells)) == len(cells), "and places of their own"
        assert max(x for x, _y in cells) < 24
        assert whole["refresh"]
        assert whole["timezone"] == whose.county.time_zone
        assert {"minmai", whose.county.county} <= set(whole["tags"])
    assert len({one["title"] for one in every.values()}) == len(every)
    other = QINGXI if whose is not QINGXI else plan()
    assert other.county.county not in json.dumps(every)


def test_each_panel_asks_the_statement_that_is_tested() -> None:
    for whole in declared(plan()):
        shown = panels(YANSHAN[whole.id])
        for one, grafana in zip(whole.panels, shown, strict=True):
            [target] = grafana["targets"]
            assert target["rawSql"] == one.sql.strip()
            assert target["datasource"] == {"type": PLUGIN, "uid": "minmai-532622-clickhouse"}
            series = one.kind == "time_series"
            assert (target["queryType"], target["format"]) == (("timeseries", 0) if series else ("table", 1))
            bars = grafana["fieldConfig"]["defaults"].get("custom", {}).get("drawStyle") == "bars"
            assert bars is (one.every is not None)
            overrides = grafana["fieldConfig"]["overrides"]
            assert [over["matcher"]["options"] for over in overrides] == [c.name for c in one.columns]


def properties(panel: dict[str, Any], column: str) -> dict[str, Any]:
    [found] = [o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == column]
    return {one["id"]: one["value"] for one in found["properties"]}


def test_what_is_shown_of_a_figure() -> None:
    indicator = plan().indicators["childcare_places_per_1000"]
    theme = panels(YANSHAN[indicator.theme])
    now = next(one for one in theme if one["id"] == dashboards.number(f"{indicator.id}-now"))
    assert now["title"] == f"{indicator.name.zh} · {indicator.name.en}"
    shown = properties(now, "value")
    assert (shown["unit"], shown["decimals"]) == ("suffix:个/千人", 2)
    assert [step["value"] for step in shown["thresholds"]["steps"]] == [None, 4.5]
    assert now["links"][0]["url"] == f"{BOARD}/#{indicator.id}/532622/records"
    wall = next(one for one in theme if one["id"] == dashboards.number("wall"))
    name = properties(wall, "indicator")
    assert name["links"][0]["url"] == f"{BOARD}/#${{__value.raw}}/532622/records"
    assert name["mappings"][0]["options"][indicator.id]["text"] == now["title"]
    state = properties(wall, "d532622")
    assert state["mappings"][0]["options"]["off_track"]["text"] == "难以按期 · off track"
    assert state["custom.cellOptions"]["type"] == "color-background"


@pytest.mark.parametrize(
    ("direction", "green"),
    [("at_least", (False, True, True)), ("at_most", (True, True, False)), ("exactly", (False, True, False))],
)
def test_a_target_s_colours_are_exact(direction: Any, green: tuple[bool, ...]) -> None:
    """Below the target, at it, and above it; a colour holds from its value on."""
    steps = thresholds(Target(direction=direction, value="4.5"))  # type: ignore[arg-type]

    def is_green(number: float) -> bool:
        held = [one.colour for one in steps if one.value is None or number >= one.value]
        return held[-1] == dashboards_green

    dashboards_green = next(
        one.colour for one in steps if one.value == 4.5 or (one.value is None and direction == "at_most")
    )
    assert tuple(map(is_green, (4.49, 4.5, 4.51))) == green


def test_provisioning_names_what_the_files_name() -> None:
    folder = generate.FOLDER.parent / "provisioning"
    sources = yaml.safe_load((folder / "datasources" / "minmai.yaml").read_text(encoding="utf-8"))
    [source] = sources["datasources"]
    assert (source["uid"], source["type"]) == ("minmai-532622-clickhouse", PLUGIN)
    assert source["secureJsonData"]["password"].startswith("$__file{")
    providers = yaml.safe_load((folder / "dashboards" / "minmai.yaml").read_text(encoding="utf-8"))
    [provider] = providers["providers"]
    assert provider["folderUid"] == "minmai-532622-folder"
    assert provider["options"]["path"].endswith("/dashboards")
