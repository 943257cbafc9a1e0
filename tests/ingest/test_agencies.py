"""The agencies' file and their keys."""

import hmac
import json
from pathlib import Path

import pytest

from services.ingest.agencies import Agencies, AgenciesError, add, listed


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


def test_every_agency_is_compared_in_constant_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [add(path, f"agency-{number}", ["facility"], ["532622"]) for number in range(3)]
    known = Agencies(path)
    compared: list[str] = []
    compare_digest = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for key in (keys[0], keys[2], "nobody"):
        compared.clear()
        known.lookup(key)
        assert len(compared) == 3


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
