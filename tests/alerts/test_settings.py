"""Settings of the alerts service: each mistake is named."""

from uuid import uuid4

import pytest

from schemas.declaration import Text
from services.alerts.destinations import built_in, channels_of
from services.alerts.settings import AlertsSettings
from services.platform.errors import SettingsError
from services.platform.settings import load
from tests.alerts.changes import changed

LONG = changed(reason=Text(zh="因" * 5_000, en="why"))
MAIL = {"SMTP_HOST": "mail.example", "MAIL_FROM": "a@b.example", "MAIL_TO": "c@d.example"}


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> AlertsSettings:
    for name, value in given.items():
        monkeypatch.setenv(f"MINMAI_{name}", value)
    return load(AlertsSettings)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"WEBHOOK_URL": "https://user:secret-word@hook.example/"}, "MINMAI_WEBHOOK_URL"),
        ({"WEBHOOK_URL": "https://token@hook.example/"}, "MINMAI_WEBHOOK_SECRET signs"),
        ({"WEBHOOK_URL": "ftp://hook.example/"}, "MINMAI_WEBHOOK_URL"),
        ({"WEBHOOK_URL": "hook.example"}, "MINMAI_WEBHOOK_URL"),
        ({"BOARD_URL": "https://user@board.example"}, "MINMAI_BOARD_URL"),
        ({"SMTP_HOST": "mail.example"}, "MINMAI_MAIL_FROM is missing"),
        ({"MAIL_TO": "c@d.example"}, "MINMAI_SMTP_HOST, MINMAI_MAIL_FROM is missing"),
        ({**MAIL, "MAIL_TO": "nobody"}, "MINMAI_MAIL_TO"),
        ({**MAIL, "MAIL_FROM": "a@b.example\nBcc: x@y.example"}, "MINMAI_MAIL_FROM"),
        ({**MAIL, "SMTP_TLS": "none", "SMTP_USER": "u"}, "MINMAI_SMTP_TLS=none"),
        ({**MAIL, "SMTP_TLS": "maybe"}, "MINMAI_SMTP_TLS"),
        ({"ALERTS_PORT": "0"}, "MINMAI_ALERTS_PORT"),
    ],
)
def test_mistakes_are_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(monkeypatch, **given)
    assert named in str(caught.value)
    assert "secret-word" not in str(caught.value)


async def test_channels_are_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = settings(monkeypatch)
    few = channels_of(bare)
    assert "mail" not in few
    assert [to.channel for one in built_in(bare) for to in one.channels] == ["topic"]
    full = settings(
        monkeypatch,
        **{**MAIL, "MAIL_TO": " c@d.example , e@f.example,c@d.example"},
        WEBHOOK_URL="https://h.example/x",
    )
    many = channels_of(full)
    reached = [(one.id, to.channel, to.address) for one in built_in(full) for to in one.channels]
    assert reached == [
        ("topic", "topic", "minmai.alert.v1"),
        ("webhook", "webhook", "https://h.example/x"),
        ("mail", "mail", "c@d.example"),
        ("mail", "mail", "e@f.example"),
    ]
    for channel in (*few.values(), *many.values()):
        await channel.close()


TWO_PLACES = {
    "topic": ["minmai.alert.v1"] * 2,
    "webhook": ["https://a.example/?key=1", "https://b.example/#secret=2"],
    "mail": ["a@b.example", "c@d.example"],
    "wecom": ["https://a.example/?key=1", "https://a.example/?key=2"],
    "dingtalk": ["https://a.example/?access_token=1", "https://a.example/?access_token=2#secret=SEC"],
    "feishu": ["https://a.example/hook/1", "https://a.example/hook/2#secret=s"],
    "alertmanager": ["http://a.example:9093", "http://b.example/am"],
    "apprise": ["json://a.example", "ntfys://b.example/topic"],
}


async def test_what_is_alike_is_the_same_whoever_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = channels_of(settings(monkeypatch, **MAIL))
    assert set(channels) == set(TWO_PLACES)
    same = {
        name
        for name, channel in channels.items()
        if len(
            {channel.payload(uuid4(), [LONG], channel.recipient(one), "first") for one in TWO_PLACES[name]}
        )
        == 1
    }
    assert same == {name for name, channel in channels.items() if channel.alike}
    for channel in channels.values():
        await channel.close()
