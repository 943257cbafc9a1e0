"""The pages of the indicators say what the plan declares."""

import re
from pathlib import Path
from shutil import copytree

import pytest
import yaml
from pydantic import TypeAdapter

from cli.plan_docs import pages
from schemas.parts import Parts
from services.platform.plan import load_plan

ROOT = Path(__file__).parents[2]
YANSHAN = ROOT / "plans" / "yanshan"
SMALL = ROOT / "tests" / "plans" / "qingxi"


def test_the_pages_in_the_repository_are_up_to_date() -> None:
    """If this fails, run `minmai plan docs`."""
    assert pages.check(YANSHAN, ROOT / "docs" / "indicators") == len(load_plan(YANSHAN).indicators) + 1


@pytest.mark.parametrize("indicator", load_plan(YANSHAN).indicators.values(), ids=lambda one: one.id)
def test_a_page_tells_everything_in_both_languages(indicator: pages.Indicator, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "indicators" / f"{indicator.id}.md").read_text(encoding="utf-8")
    said = [indicator.name, indicator.definition, *([indicator.note] if indicator.note else [])]
    for text in said:
        assert text.zh in page
        assert text.en in page
    assert indicator.source in page
    assert indicator.owner in page
    if indicator.target:
        assert str(indicator.target.value) in page
        assert str(indicator.target.due or "每年 · each year") in page
    assert "numerator" in page
    assert ("**分母 denominator**" in page) == bool(indicator.denominator)
    [declared] = yaml.safe_load(re.findall(r"```yaml\n(.*)```", page, re.DOTALL)[0])
    assert declared["id"] == indicator.id
    formula = "".join(re.findall(r"\*\*分.*\n.*", page))
    assert not re.search(r"[a-z]_[a-z]", formula), "a name stands where a word should"


def test_stale_missing_and_surplus_pages_are_told_and_mended(tmp_path: Path) -> None:
    docs, plan = tmp_path / "docs", copytree(SMALL, tmp_path / "plan")
    assert len(pages.write(plan, docs)) == 5
    assert pages.write(plan, docs) == []
    assert pages.check(plan, docs) == 5

    (docs / "measures_done.md").unlink()
    (docs / "large_venues.md").write_text("changed by hand", encoding="utf-8")
    (docs / "gone.md").write_text(f"{pages.GENERATED}\n", encoding="utf-8")
    (docs / "own.md").write_text("a page of somebody's own", encoding="utf-8")
    with pytest.raises(pages.StaleDocs, match=r"large_venues.md, measures_done.md, gone.md"):
        pages.check(plan, docs)
    assert sorted(pages.write(plan, docs)) == ["gone.md", "large_venues.md", "measures_done.md"]
    assert sorted(path.name for path in docs.iterdir()) == [
        "README.md", "canteens_per_1000.md", "large_venues.md", "measures_done.md", "own.md",
        "urban_communities_with_a_canteen.md",
    ]  # fmt: skip

    text = (plan / "indicators.yaml").read_text(encoding="utf-8")
    (plan / "indicators.yaml").write_text(text.replace("at_least: 1000", "at_least: 1200"), encoding="utf-8")
    with pytest.raises(pages.StaleDocs, match=r"large_venues.md"):
        pages.check(plan, docs)


def test_the_formula_is_told_in_words() -> None:
    page = (ROOT / "docs" / "indicators" / "new_estate_sports_compliance.md").read_text(encoding="utf-8")
    assert "100 × 分子 ÷ 分母，显示 1 位小数 · 100 × numerator ÷ denominator, shown with 1 decimals" in page
    assert "每名居民的室内体育设施面积 ≥ 0.1；或 " in page
    assert "indoor sports area per resident ≥ 0.1; or " in page


def test_the_guides_examples_are_an_indicator_and_its_change(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "new-indicator.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    plan = copytree(YANSHAN, tmp_path / "plan")
    versions = []
    for example in examples:  # each goes on where the one before ends
        with (plan / "indicators.yaml").open("a", encoding="utf-8") as file:
            file.write(f"\n{example}")
        versions.append(load_plan(plan).indicators["day_care_beds_per_1000"].version)
    assert versions == [1, 2]


def test_every_way_of_adding_in_the_guide_is_a_part() -> None:
    guide = (ROOT / "docs" / "guides" / "new-indicator.md").read_text(encoding="utf-8")
    parts = [
        part.replace("{…}", "{kind: medical}") for part in re.findall(r"^\| `(\{.*?\})` \|", guide, re.M)
    ]
    assert len(parts) == 10
    for part in parts:
        TypeAdapter(Parts).validate_python(yaml.safe_load(part))
