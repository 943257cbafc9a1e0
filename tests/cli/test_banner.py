"""The first steps that `minmai up` prints can be taken as they stand."""

import json
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.embedded import banner
from deploy.embedded.datafolder import DataFolder
from deploy.embedded.up import Ports
from schemas.streams import STREAMS
from services.board.settings import BoardSettings
from services.ingest.agencies import Agencies
from services.ingest.check import Checked, Checker, Push
from services.ingest.records import Record
from services.platform.access.users import listed
from services.platform.plan import load_plan
from tests.cli.support import ROOT


def test_the_first_user_is_added_by_the_printed_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    settings = BoardSettings(
        plan=ROOT / "plans" / "yanshan",
        sign_in="password",
        session_secret=SecretStr("s" * 32),
        users=tmp_path / "users.json",
    )
    data = DataFolder(tmp_path / "data")
    told = banner.of(data, Ports(), settings, invented=True)
    [add] = [line for line in told.splitlines() if "user add" in line]
    subprocess.run([*shlex.split(add), "--generate"], capture_output=True, timeout=60, check=True)
    assert [user.role for user in listed(settings.users)] == ["admin"]
    assert "user add" not in banner.of(data, Ports(), settings, invented=True)


def test_the_printed_commands_add_an_agency_whose_record_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    settings = BoardSettings(plan=ROOT / "plans" / "yanshan")
    data = DataFolder(tmp_path / "data of the county")
    told = banner.of(data, Ports(ingest=18100), settings, invented=False)
    lines = told.replace("\\\n", "").splitlines()

    [add] = [line for line in lines if "agency add" in line]
    added = subprocess.run(shlex.split(add), capture_output=True, text=True, timeout=60, check=True)
    agency = Agencies(data.agencies).lookup(added.stdout.splitlines()[-1])
    assert agency is not None

    [push] = [line for line in lines if "curl" in line]
    words = shlex.split(push)
    assert "http://127.0.0.1:18100/v1/streams/facility" in words
    record = json.loads(words[words.index("-d") + 1])
    now = Push(agency, "receipt", datetime.now(UTC))
    check = Checker(load_plan(settings.plan)).plain(STREAMS["facility"])
    [found] = check(now, [Record(0, b"", record)])
    assert isinstance(found, Checked)
