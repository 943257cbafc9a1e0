"""Signed links, and their place in a notice."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.links import BadLink, Link, Links
from services.alerts.place import LONGEST_URL, filled, manageable

ONE, OTHER = "a" * 32, "b" * 32
URL = "https://alerts.example"


def test_a_link_names_its_subscriber_and_when_it_was_signed() -> None:
    links = Links(URL + "/", [ONE])
    link = links.link("li.na")
    assert link is not None
    assert link.startswith(f"{URL}/my/li.na.")
    read = links.read(link.rpartition("/")[2])
    assert read.subscriber == "li.na"
    assert abs(datetime.now(UTC) - read.signed_at) < timedelta(minutes=5)


def test_a_changed_link_opens_nothing() -> None:
    links = Links(URL, [ONE])
    token = links.token("li")
    for wrong in (
        token.replace("li.", "lo.", 1),
        token[:-1],
        "",
        "li",
        f"{token}x",
        Links(URL, [OTHER]).token("li"),
    ):
        with pytest.raises(BadLink):
            links.read(wrong)


def test_a_secret_follows_another() -> None:
    before, between, after = Links(URL, [ONE]), Links(URL, [OTHER, ONE]), Links(URL, [OTHER])
    assert between.read(before.token("li")).subscriber == "li"
    assert after.read(between.token("li")).subscriber == "li"
    with pytest.raises(BadLink):
        after.read(before.token("li"))


def test_a_link_expires() -> None:
    signed = datetime(2026, 1, 1, tzinfo=UTC)
    assert not Link("li", signed).expired(signed + timedelta(days=90))
    assert Link("li", signed).expired(signed + timedelta(days=91))


def test_subscribers_of_the_settings_have_none_and_nobody_without_a_secret() -> None:
    assert Links(URL, [ONE]).link("mail") is None
    assert Links(URL, [ONE]).unsubscribing("topic") is None
    assert Links(URL, []).link("li") is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_link_takes_its_place_or_leaves_none(before: str, after: str) -> None:
    before, after = (text.replace("\ue000", "").replace("\ue001", "") for text in (before, after))
    said = before + manageable(lambda url: f"manage: {url}\n") + after
    assert filled(said, "https://x/my/t") == f"{before}manage: https://x/my/t\n{after}"
    assert filled(said, None) == before + after
    kept = orjson.dumps({"text": said}).decode()
    assert orjson.loads(filled(kept, "https://x/my/t")) == {"text": filled(said, "https://x/my/t")}
    assert orjson.loads(filled(kept, None)) == {"text": before + after}


def test_no_link_is_longer_than_its_place() -> None:
    link = Links("h" * LONGEST_URL, [ONE]).link("x" * 64)
    assert link is not None
    assert len(link) <= len(manageable(lambda url: url)) - 2
