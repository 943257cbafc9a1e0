"""Notices of a batch say what each alone would say, under ids that no version changes."""

from datetime import timedelta
from hashlib import blake2b
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from schemas.alert import AlertChange
from services.alerts.channels import Channel, Covered
from services.alerts.channels.mail import TEXT_BYTES, Mail, Relay
from services.alerts.channels.wecom import _STYLE, CONTENT_BYTES, WeCom
from services.alerts.routing.episodes import Episodes
from services.alerts.routing.group import Telling
from services.alerts.routing.notices import Directory, Scribe
from services.alerts.routing.router import Verbatim
from services.alerts.routing.subscriber import Address, Subscriber
from services.alerts.templates import letter
from tests.alerts.changes import changed
from tests.alerts.routing.timeline import NOON, person

CHANNELS: dict[str, Channel] = {
    "mail": Mail(Relay("127.0.0.1", 25, "none", "", SecretStr("")), "minmai@county.example"),
    "wecom": WeCom(),
}
ADDRESSES = [
    Address(channel="mail", address="ann@county.example"),
    Address(channel="wecom", address="https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1"),
]
SEVERITIES = ("critical", "warning", "info")
LATER = NOON + timedelta(minutes=5)
MASKS = st.integers(0, 2**20 - 1)


def fires(number: int, severity: str) -> AlertChange:
    return changed(
        alert_id=uuid5(NAMESPACE_URL, str(number)),
        severity=severity,
        rule=f"rule_{number}",
        division_name=f"第 {number} 镇",
        changed_at=NOON + timedelta(milliseconds=number),
    )


def ends(change: AlertChange, correction: bool) -> AlertChange:
    return change.model_copy(
        update={
            "state": "resolved",
            "condition": "resolved",
            "correction": correction,
            "changed_at": LATER,
        }
    )


@st.composite
def known(draw: st.DrawFn) -> Episodes:
    """Up to 20 alerts, some over by now, some of these by a correction."""
    severities = draw(st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=20))
    episodes = Episodes({})
    begun = [fires(number, severity) for number, severity in enumerate(severities)]
    for one in begun:
        episodes.take(one, NOON)
    for one in draw(st.lists(st.sampled_from(begun), unique_by=lambda one: one.alert_id)):
        episodes.take(ends(one, draw(st.booleans())), LATER)
    return episodes


def told(telling: Telling, episodes: Episodes) -> list[AlertChange]:
    """What a telling tells of, one slot after the other."""
    found = []
    for severity in SEVERITIES:
        for slot, one in enumerate(episodes.slots):
            if not telling.slots >> slot & 1 or one.first.severity != severity:
                continue
            from_its_beginning = telling.fresh >> slot & 1 and one.ended is not None
            if telling.only == "beginning" or (not telling.only and from_its_beginning):
                found.append(one.first)
            if telling.only != "beginning":
                found.append(one.newest)
    return found


@given(known(), st.data())
def test_a_batch_says_what_each_alone_would_say(episodes: Episodes, data: st.DataObject) -> None:
    ann = person("ann", channels=ADDRESSES, language=data.draw(st.sampled_from(["zh", "both"])))
    every = 2 ** len(episodes.slots) - 1
    tellings = [
        Telling(ann, "new", slots, fresh & every, "", only=only)
        for slots, fresh, only in data.draw(
            st.lists(
                st.tuples(
                    MASKS.map(lambda mask: mask & every).filter(bool),
                    MASKS,
                    st.sampled_from(["", "", "", "beginning", "end"]),
                ),
                min_size=1,
                max_size=8,
            )
        )
    ]
    made = Scribe(Directory([ann], CHANNELS), CHANNELS, episodes, LATER).write(tellings)
    assert len(made) == 2 * len(tellings)
    for number, one in enumerate(made):
        changes, notice = told(tellings[number // 2], episodes), one.notice
        assert notice.covers == tuple(map(Covered.of, changes))
        assert notice.notice_id == _id(ann, notice.channel, notice.recipient, changes)
        assert notice.payload == _payload(ann, notice.channel, changes)


def _id(ann: Subscriber, channel: str, shown: str, changes: list[AlertChange]) -> UUID:
    covered = b"".join(
        one.alert_id.bytes + f"{one.state} {one.changed_at.isoformat()}\n".encode() for one in changes
    )
    digest = blake2b(covered, digest_size=16).hexdigest()
    said = "\n".join((ann.id, channel, shown, "new", "", "", digest))
    return uuid5(uuid5(NAMESPACE_URL, "minmai.routed"), said)


def _payload(ann: Subscriber, channel: str, changes: list[AlertChange]) -> bytes:
    if channel == "mail":
        whole = letter(changes, ann.language, "new")
        return orjson.dumps({"subject": whole.title, "text": whole.text(TEXT_BYTES)})
    text = letter(changes, ann.language, "new", _STYLE).text(CONTENT_BYTES)
    return orjson.dumps({"msgtype": "markdown", "markdown": {"content": text}})


def test_a_notice_tells_how_an_alert_stands_and_a_system_what_was_logged() -> None:
    episodes = Episodes({})
    logged = fires(0, "warning")
    episodes.take(logged, NOON)
    ann, system = person("ann", channels=ADDRESSES), person("all", channels=ADDRESSES, mode="every")
    now = logged.model_copy(update={"shown": "4.321"})
    told = Scribe(Directory([ann, system], CHANNELS), CHANNELS, episodes, LATER, lambda _change: now)
    verbatim, _, repeat, _ = told.write([Verbatim(system, logged), Telling(ann, "repeat", 1, 0, "")])
    assert b"4.321" in repeat.notice.payload
    assert b"4.321" not in verbatim.notice.payload
    [same, _] = Scribe(Directory([ann], CHANNELS), CHANNELS, episodes, LATER).write(
        [Telling(ann, "repeat", 1, 0, "")]
    )
    assert (same.notice.notice_id, same.notice.covers) == (repeat.notice.notice_id, repeat.notice.covers)


def test_ids_are_those_of_the_versions_before() -> None:
    """An id is the key by which receivers know a notice again: after an upgrade it must be the same."""
    episodes = Episodes({})
    for number, severity in enumerate(("info", "critical", "warning")):
        episodes.take(fires(number, severity), NOON)
    ann = person("ann", channels=ADDRESSES[:1])
    scribe = Scribe(Directory([ann], CHANNELS), CHANNELS, episodes, NOON)
    [made] = scribe.write([Telling(ann, "first", 0b111, 0b111, "")])
    assert [one.rule for one in made.notice.covers] == ["rule_1", "rule_2", "rule_0"]
    assert made.notice.notice_id == UUID("c3e0bc0e-7b80-52fe-91a2-fc60761dbe38")
