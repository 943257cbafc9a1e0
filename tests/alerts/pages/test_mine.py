"""What subscribers do with their link, by page and by API."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from schemas.declaration import Text
from services.alerts.channels import Covered, Notice
from services.alerts.ledger import Ledger
from services.alerts.pages.desk import MOST_HOURS
from services.alerts.routing.store import UnknownOrder
from services.alerts.routing.subscriber import QuietHours
from tests.alerts.pages.office import Office

FORM = {
    "language": "en",
    "severities": ["critical", "warning"],
    "themes": "health",
    "divisions": "532622101",
    "mode": "digest",
    "digest_at": "07:30",
    "quiet_begin": "22:00",
    "quiet_end": "07:00",
    "repeat_interval": "86400",
    "mute_townships": "yes",
}


def test_a_page_shows_what_fires_and_what_was_sent_and_no_secret(office: Office) -> None:
    link = office.subscribe()
    alert = office.fires()
    Ledger(office.clickhouse).write(
        [
            Notice(
                uuid4(),
                (Covered.of(alert),),
                "li",
                "mail",
                "li@county.example",
                b"words",
                "first",
                office.now,
                office.now,
            )
        ]
    )
    answer = office.get(link)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert alert.name.zh in answer.text
    assert "li@county.example" in answer.text
    assert "首次告警" in answer.text
    assert "very-secret" not in answer.text
    assert "very-secret" not in office.api("GET", link).text


def test_wishes_are_kept_and_the_rest_stays(office: Office) -> None:
    link = office.subscribe(rules=["nursing_beds_below_target"], group_wait=77)
    before = office.store.subscriber("li")
    answer = office.post(f"{link}/wishes", **FORM)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/my/{link.rpartition('/')[2]}?done=saved",
    )
    now = office.store.subscriber("li")
    assert now == before.model_copy(
        update={
            "language": "en",
            "severities": ["critical", "warning"],
            "themes": ["health"],
            "divisions": ["532622101"],
            "townships": False,
            "mode": "digest",
            "digest_at": now.digest_at,
            "quiet": QuietHours.model_validate({"begin": "22:00", "end": "07:00"}),
            "critical_passes": False,
            "repeat_interval": 86_400,
            "mute_townships": True,
        }
    )
    assert now.digest_at.isoformat() == "07:30:00"
    assert "设置已保存" in office.get(f"{link}?done=saved").text


def test_the_api_says_and_takes_the_same_wishes(office: Office) -> None:
    link = office.subscribe()
    office.post(f"{link}/wishes", **FORM)
    said = office.api("GET", link).json()["wishes"]
    other = office.subscribe("wang")
    assert office.api("PUT", other, json=said).status_code == 204
    assert office.api("GET", other).json()["wishes"] == said
    assert office.api("PUT", other, json={"language": "xx"}).status_code == 422
    assert office.api("PUT", other, json={**said, "divisions": ["532699"]}).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_begin": "22:00", "quiet_end": ""},
        {"quiet_begin": "22:00", "quiet_end": "22:00"},
        {"language": "fr"},
        {"divisions": "abc"},
        {"divisions": "532699"},  # no division of the plan
        {"repeat_interval": "-1"},
        {"digest_at": "25:00"},
    ],
)
def test_a_wrong_wish_is_told_and_changes_nothing(office: Office, wrong: dict[str, str]) -> None:
    link = office.subscribe()
    before = office.store.subscriber("li")
    answer = office.post(f"{link}/wishes", **{**FORM, **wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert office.store.subscriber("li") == before


def test_a_form_that_is_too_long_is_told_and_changes_nothing(office: Office) -> None:
    link = office.subscribe()
    alert = office.fires()
    before = office.store.subscriber("li")
    said = {**FORM, "alert_id": str(alert.alert_id), "hours": "8", "reason": "施工"}
    for path, length in (("wishes", 64_000), ("acknowledge", 900_000), ("silence", 64_000)):
        answer = office.post(f"{link}/{path}", **said, note="长" * (length // 9))
        assert answer.status_code == 413, path
        assert "内容过长，最多 64 KB" in answer.text
        assert alert.name.zh in answer.text
    assert office.store.subscriber("li") == before
    assert not office.store.acknowledgements()
    assert not office.store.silences(office.now)


def test_a_system_keeps_its_mode(office: Office) -> None:
    link = office.subscribe(mode="each")
    assert 'name="mode"' not in office.get(link).text
    assert office.post(f"{link}/wishes", **FORM).status_code == 303
    assert office.store.subscriber("li").mode == "each"


def test_only_alerts_that_are_theirs_are_shown_and_taken_on(office: Office) -> None:
    link = office.subscribe(severities=["critical"])
    other = office.fires(severity="info")
    theirs = office.fires(alert_id=uuid4(), severity="critical", subject="one")
    over = office.fires(
        alert_id=uuid4(), severity="critical", subject="two", state="resolved", condition="resolved"
    )
    shown = [UUID(one["alert"]["alert_id"]) for one in office.api("GET", link).json()["firing"]]
    assert shown == [theirs.alert_id]
    for alert, status in ((other, 409), (over, 409), (theirs, 303)):
        answer = office.post(f"{link}/acknowledge", alert_id=str(alert.alert_id), author="王", note="在查")
        assert answer.status_code == status
    [taken] = office.store.acknowledgements()
    assert (taken.alert_id, taken.author, taken.note) == (theirs.alert_id, "王", "在查")
    assert "王" in office.get(link).text


def test_alerts_are_shown_as_they_stand_now(office: Office) -> None:
    link = office.subscribe()
    alert = office.fires()
    office.stands[alert.alert_id] = alert.model_copy(
        update={"reason": Text(zh="现在低些", en="lower by now")}
    )
    page = office.get(link).text
    assert "现在低些" in page
    assert alert.reason.zh not in page


def test_a_silence_is_for_one_alert_and_ends_by_itself(office: Office) -> None:
    link = office.subscribe()
    alert = office.fires()
    said = {"alert_id": str(alert.alert_id), "hours": 8, "reason": "检修"}
    assert office.post(f"{link}/silence", **{**said, "reason": ""}).status_code == 422
    assert office.api("POST", link, "/silences", json={**said, "hours": MOST_HOURS + 1}).status_code == 422
    assert office.api("POST", link, "/silences", json=said).status_code == 204
    [silence] = office.store.silences(office.now)
    assert silence.alerts == [alert.alert_id]
    assert silence.ends - silence.begins == timedelta(hours=8)
    assert silence.author == "李娜"
    assert "检修" in office.get(link).text
    office.now += timedelta(hours=9)
    assert "检修" not in office.get(link).text


def test_opening_a_link_unsubscribes_nobody_and_the_button_does(office: Office) -> None:
    link = office.subscribe()
    assert "确认退订" in office.get(f"{link}/unsubscribe").text
    assert office.store.subscriber("li").id == "li"
    leave = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):  # a mail server may send it twice
        answer = office.post(f"{link}/unsubscribe", **leave)
        assert answer.status_code == 200
        assert "已退订" in answer.text
    with pytest.raises(UnknownOrder):
        office.store.subscriber("li")
    assert office.get(link).status_code == 404


def test_an_old_link_only_unsubscribes(office: Office) -> None:
    link = office.subscribe()
    office.now += timedelta(days=91)
    assert office.get(link).status_code == 410
    assert office.post(f"{link}/wishes", **FORM).status_code == 410
    assert office.api("GET", link).status_code == 410
    assert office.post(f"{link}/unsubscribe").status_code == 200


def test_a_wrong_link_opens_nothing(office: Office) -> None:
    link = office.subscribe()
    for wrong in (link[:-1], link.replace("/my/li.", "/my/wang.")):
        assert office.get(wrong).status_code == 403
        assert office.post(f"{wrong}/wishes", **FORM).status_code == 403
        assert office.post(f"{wrong}/unsubscribe").status_code == 403
        assert office.api("DELETE", wrong).status_code == 403
    assert office.api("DELETE", link).status_code == 204


def test_a_link_of_somebody_who_was_made_anew_opens_nothing(office: Office) -> None:
    link = office.subscribe()
    office.store.unsubscribe("li", "test")
    later = office.now + timedelta(seconds=2)
    office.store.subscribe(_anew(office), "test", later)
    assert office.get(link).status_code == 403


def _anew(office: Office):  # type: ignore[no-untyped-def]
    office.subscribe("other")
    return office.store.subscriber("other").model_copy(update={"id": "li"})
