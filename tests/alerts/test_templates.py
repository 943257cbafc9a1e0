"""The words of a notice, in each language."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.channels import Language
from services.alerts.place import filled
from services.alerts.templates import PLAIN, Style, letter, markdown, title
from tests.alerts.changes import CHANGE, FORECAST, NOW, changed

FULL = changed(**FORECAST)


def test_one_alert_in_chinese() -> None:
    assert filled(letter([FULL], "zh", "first").text(), "https://alerts.example/my/x") == (
        "【告警】民脉 砚山县 每千人口托位数低于目标\n"
        "\n"
        "发送原因: 首次告警\n"
        "\n"
        "地区: 砚山县 (532622)\n"
        "指标: 每千人口3岁以下婴幼儿托位数\n"
        "数值: 4.25 个/千人 (分子 1700, 分母 400000)\n"
        "目标: 不低于 4.5 个/千人 (到 2025-12-31 为止)\n"
        "差距: -0.25 个/千人\n"
        "进度: 每月需 +0.035 个/千人, 近期每月 +0.011 个/千人\n"
        "预测: 2025-12-31 4.31 个/千人 (80% 区间 4.2 – 4.4)\n"
        "截至: 2024-05-06\n"
        "责任部门: 县卫生健康局\n"
        "级别: 警告\n"
        "状态: 告警\n"
        "原因: 4.25 个/千人，低于 4.5，相差 0.25\n"
        "\n"
        "看板: https://board.example/#childcare_places_per_1000/532622\n"
        "明细记录: https://board.example/#records/childcare_places_per_1000/532622\n"
        f"告警编号: {CHANGE.alert_id}\n"
        "确认、静默、订阅设置: https://alerts.example/my/x\n"
    )


def test_one_alert_in_english_and_in_both() -> None:
    english = letter([FULL], "en", "repeat").text()
    assert english.startswith("[Alert] minmai 砚山县: Childcare places per 1,000 below target\n")
    assert "Sent because: it still fires: repeated as you asked\n" in english
    assert "Target: at least 4.5 places per 1,000 (by 2025-12-31)\n" in english
    assert "Forecast: 2025-12-31 4.31 places per 1,000 (80 % band 4.2 – 4.4)\n" in english
    both = letter([FULL], "both", "first").text()
    assert "目标 Target: 不低于 at least 4.5 个/千人 (places per 1,000) (到 2025-12-31 为止 · by 2025" in both


def test_a_group_lists_its_alerts_in_the_order_given() -> None:
    ended_at = NOW + timedelta(days=1)
    over = changed(state="resolved", condition="resolved", changed_at=ended_at, link_records="")
    group = letter([FULL, over], "both", "new")
    assert group.title.startswith("【预警汇总】民脉 1 项告警、1 项解除：砚山县")
    assert "[Alerts] minmai 1 firing, 1 over" in group.title
    text = group.text()
    assert text.index("告警 · Alert (警告 · warning)") < text.index("解除 · Resolved (警告 · warning)")
    assert text.count(CHANGE.link) == 2
    assert text.count("县卫生健康局") == 2
    assert FULL.link_records in text


def test_a_correction_and_a_test_are_marked() -> None:
    assert title([changed(correction=True)], "zh", "correction").startswith("【更正】【告警】")
    many = [CHANGE, changed(correction=True)]
    assert title(many, "zh", "correction").startswith("【更正】【预警汇总】")
    assert title(many, "zh", "first").startswith("【预警汇总】"), "nothing had been told that is put right"
    assert title([CHANGE], "both", "test").startswith("【测试】民脉 砚山县")
    assert "无须处理" in letter([CHANGE], "zh", "test").text()


def test_what_is_not_known_is_not_made_up() -> None:
    bare = changed(value=None, numerator=None, shown="", gap="", owner="", link_records="", pace_needed=0.1)
    text = letter([bare], "zh", "first").text()
    assert "数值: 无数据\n" in text
    assert "每月需 +0.1 个/千人, 近期每月 未知" in text
    for absent in ("差距", "责任部门", "预测", "明细记录", "None"):
        assert absent not in text


def test_a_title_is_one_line_whatever_a_name_says() -> None:
    odd = changed(subject="m", subject_name={"zh": "甲\r\nBcc: x@y.example\u2028乙", "en": "m"})
    assert letter([odd], "both", "first", PLAIN).title.splitlines() == [title([odd], "both", "first")]


@given(names=st.lists(st.text(max_size=20), min_size=1, max_size=5), most=st.none() | st.integers(400, 3_000))
@pytest.mark.parametrize("style", [PLAIN, markdown("\n\n")], ids=["plain", "markdown"])
@pytest.mark.parametrize("language", ["zh", "both"])
def test_a_letter_in_json_is_its_text_in_json(
    names: list[str], most: int | None, style: Style, language: Language
) -> None:
    told = [changed(division_name=name, owner=name, link=f"https://board.example/{name}") for name in names]
    said = letter(told, language, "new", style)
    assert orjson.dumps({"text": said.json(most)}) == orjson.dumps({"text": said.text(most)})
