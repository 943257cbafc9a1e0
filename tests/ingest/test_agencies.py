"""The agencies' file and their keys."""

import json
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from services.ingest.agencies import Agencies, AgenciesError, add, listed, revoke, rotate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "agencies.json"


def test_a_key_finds_its_agency_and_is_not_in_the_file(path: Path) -> None:
    health = add(path, "health", ["facility", "childcare-place"], ["532622"])
    town = add(path, "town", ["statistic"], ["532622101", "532622102"])
    assert [agency.name for agency in listed(path)] == ["health", "town"]
    known = Agencies(path)
    found = known.lookup(health)
    assert found is not None
    assert (found.name, found.streams) == ("health", {"facility", "childcare-place"})
    assert found.may_tell_of("532622102001")
    found = known.lookup(town)
    assert found is not None
    assert (found.may_tell_of("532622102001"), found.may_tell_of("532622103")) == (True, False)
    assert not found.may_tell_of("532622")
    for stranger in ("", health[:-1], health + "x", "\ud800", "ä"):
        assert known.lookup(stranger) is None
    assert health not in path.read_text()
    assert town not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_the_file_holds_opens_nothing(path: Path) -> None:
    add(path, "health", ["facility"], ["532622"])
    known = Agencies(path)
    [key] = listed(path)[0].keys
    for found in (key.sha256, key.id):
        assert known.lookup(found) is None


def test_a_changed_file_is_read_again(path: Path) -> None:
    known = Agencies(path)
    assert listed(path) == []
    key = add(path, "health", ["facility"], ["532622"])
    assert known.lookup(key) is not None
    content = path.read_text()
    path.unlink()
    assert known.lookup(key) is None
    path.write_text(content)
    assert known.lookup(key) is not None


def test_a_file_that_becomes_wrong_leaves_the_agencies_as_they_were(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = add(path, "health", ["facility"], ["532622"])
    known = Agencies(path)
    path.write_text("{")
    assert known.lookup(key) is not None
    assert str(path) in caplog.text
    with pytest.raises(AgenciesError, match=r"agencies\.json"):
        Agencies(path)


@pytest.mark.parametrize(
    ("name", "streams", "divisions", "said"),
    [
        ("health", ["facility"], ["532622"], "more than one agency is named health"),
        ("a b", ["facility"], ["532622"], "name"),
        ("other", ["unheard"], ["532622"], "no such stream: unheard"),
        ("other", [], ["532622"], "streams"),
        ("other", ["facility"], [], "divisions"),
        ("other", ["facility"], ["Yanshan"], "divisions"),
    ],
)
def test_what_cannot_be_added(
    path: Path, name: str, streams: list[str], divisions: list[str], said: str
) -> None:
    add(path, "health", ["facility"], ["532622"])
    before = path.read_text()
    with pytest.raises(AgenciesError, match=said):
        add(path, name, streams, divisions)
    assert path.read_text() == before
    assert len(json.loads(before)["agencies"]) == 1


HOUR = timedelta(hours=1)


def test_the_key_before_holds_until_the_overlap_ends(path: Path) -> None:
    first = add(path, "health", ["facility"], ["532622"])
    known = Agencies(path)
    second, end = rotate(path, "health", 24 * HOUR)
    assert timedelta(hours=23) < end - datetime.now(UTC) <= timedelta(hours=24)
    for key, now, holds in (
        (first, None, True),
        (second, None, True),
        (first, end - timedelta(microseconds=1), True),
        (first, end, False),
        (second, end + 10_000 * HOUR, True),
    ):
        assert (known.lookup(key, now) is not None) == holds
    assert second not in path.read_text()

    third, later = rotate(path, "health", 48 * HOUR)
    assert known.lookup(first, end) is None  # it was to end earlier
    assert known.lookup(second, end) is not None
    assert known.lookup(second, later) is None

    fourth, _ = rotate(path, "health", timedelta(0))
    assert [known.lookup(key) for key in (first, second, third)] == [None] * 3
    assert known.lookup(fourth) is not None
    [agency] = listed(path)
    assert [key.holds(datetime.now(UTC)) for key in agency.keys] == [False] * 3 + [True]
    for key in (first, second, third, fourth):
        owner = known.owner(key)
        assert owner is not None
        assert (owner[0].name, owner[1].id) == ("health", sha256(key.encode()).hexdigest()[:8])
    assert agency.streams == {"facility"}


def test_a_revoked_key_is_none_at_once_and_the_agency_stays(path: Path) -> None:
    first = add(path, "health", ["facility"], ["532622"], feed=True)
    other = add(path, "commerce", ["facility"], ["532622"])
    known = Agencies(path)
    assert known.lookup(first) is not None
    assert known.feeding().keys() == {"health"}
    second, _ = rotate(path, "health", HOUR)
    [taken] = revoke(path, "health", sha256(first.encode()).hexdigest()[:8])
    assert taken.sha256 == sha256(first.encode()).hexdigest()
    assert known.lookup(first) is None
    assert known.lookup(second) is not None
    assert len(revoke(path, "health")) == 1
    assert known.lookup(second) is None
    assert known.lookup(other) is not None
    assert known.feeding() == {}
    assert [agency.name for agency in listed(path)] == ["health", "commerce"]
    assert revoke(path, "health") == []
    third, _ = rotate(path, "health", HOUR)
    assert known.lookup(third) is not None


def test_what_cannot_be_changed(path: Path) -> None:
    add(path, "health", ["facility"], ["532622"])
    before = path.read_text()
    for change in (lambda: rotate(path, "healthy", HOUR), lambda: revoke(path, "healthy")):
        with pytest.raises(AgenciesError, match="no agency 'healthy'; there are: health"):
            change()
    with pytest.raises(AgenciesError, match="has no key '00'; its keys: "):
        revoke(path, "health", "00")
    assert path.read_text() == before
    path.write_text("{")
    with pytest.raises(AgenciesError, match=r"agencies\.json"):
        revoke(path, "health")


def test_a_file_of_one_key_an_agency_is_read_and_written_anew(path: Path) -> None:
    entry = {
        "name": "health",
        "streams": ["facility"],
        "divisions": ["532622"],
        "key_sha256": sha256(b"minmai_old").hexdigest(),
        "created": "2024-05-01T00:00:00Z",
    }
    path.parent.mkdir()
    path.write_text(json.dumps({"agencies": [entry]}))
    known = Agencies(path)
    assert known.lookup("minmai_old") is not None
    key, _ = rotate(path, "health", HOUR)
    assert known.lookup("minmai_old") is not None
    assert known.lookup(key) is not None
    assert "key_sha256" not in path.read_text()


def test_a_key_is_found_whatever_happens_to_the_file_meanwhile(path: Path) -> None:
    key = add(path, "health", ["facility"], ["532622"])
    known = Agencies(path)
    done = threading.Event()

    def change() -> None:
        try:
            for number in range(50):
                add(path, f"agency-{number}", ["facility"], ["532622"])
                rotate(path, f"agency-{number}", HOUR)
        finally:
            done.set()

    changing = threading.Thread(target=change)
    changing.start()
    while not done.is_set():
        assert known.lookup(key) is not None
    changing.join()
    assert len(listed(path)) == 51
