"""deploy/Dockerfile: what it installs, starts and runs as is what the package and the compose file say."""

import re
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from packaging.requirements import Requirement

from tests.deploy.compose import FOLDER, ROOT, services
from tests.support.ports import free_port

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_INSTRUCTIONS = [
    line.split(None, 1)
    for line in (FOLDER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
_MODULES = {"chdb-core": "chdb", "backports.zstd": "backports.zstd"}
"""What is imported, where that is not the package's name with underscores."""


def _arguments(instruction: str) -> list[str]:
    return [rest for name, rest in _INSTRUCTIONS if name == instruction]


def test_python_is_the_oldest_that_the_package_admits() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert {one.split()[0] for one in _arguments("FROM")} == {f"python:{oldest}-slim-bookworm"}


def test_it_starts_the_command_of_the_package() -> None:
    [entry] = _arguments("ENTRYPOINT")
    [script] = PROJECT["project"]["scripts"]
    assert entry == f'["{script}"]'


def test_it_runs_as_the_user_of_the_compose_file() -> None:
    [user] = _arguments("USER")
    assert {one["user"] for one in services().values() if "build" in one} == {user}
    made = " ".join(_arguments("RUN"))
    uid, _, gid = user.partition(":")
    assert f"--uid {uid} --gid {gid}" in made
    [folders] = re.findall(rf"install -d -o {uid} -g {gid} -m 0700 (.*)", made)
    mounted = {
        mount.split(":")[1]
        for one in services().values()
        if "build" in one
        for mount in one["volumes"]
        if not mount.startswith(("$", "."))
    }
    assert set(folders.split()) == mounted


def test_it_has_all_packages_and_what_lies_beside_them() -> None:
    copied = {one.split()[0] for one in _arguments("COPY") if not one.startswith("--from")}
    packages = {one.rstrip("*") for one in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= copied
    assert all((ROOT / one).is_dir() for one in packages)
    admitted = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    files = {"pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert admitted == packages | files


def test_nothing_secret_goes_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert {"deploy/secrets", "deploy/backups", "deploy/.env"} <= set(ignored[1:])


def test_it_installs_the_versions_that_are_tested_and_no_extra() -> None:
    [install] = [one for one in _arguments("RUN") if "pip install" in one]
    assert "-c requirements.lock -e ." in install
    assert ".[" not in install


def test_the_services_need_nothing_of_the_extra_that_is_left_out() -> None:
    extra = [Requirement(one).name for one in PROJECT["project"]["optional-dependencies"]["embedded"]]
    modules = [_MODULES.get(name, name.replace("-", "_")) for name in extra]
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in modules)
    imported = "services.ingest.app, services.aggregate.app, services.alerts.app, services.board.app"
    commands = "cli.main, cli.services, cli.admin, cli.grafana, cli.rebuild, cli.retention, cli.feeds"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {blocked}; import {imported}, {commands}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_readiness_is_asked_of_the_service(status: int, code: int) -> None:
    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b"why")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = _ready(server.server_port)
        server.shutdown()
    assert (done.returncode, done.stdout) == (code, "why\n" if code else "")


def test_a_service_that_does_not_answer_is_not_ready() -> None:
    done = _ready(free_port())
    assert done.returncode == 1
    assert "refused" in done.stdout


def _ready(port: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, FOLDER / "ready.py", str(port)], capture_output=True, text=True, check=False
    )
