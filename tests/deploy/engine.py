"""The engine of ClickHouse with the configuration of deploy/clickhouse, as one of its users.

The engine in chDB has one session, that of the user `default`. So whoever is to be tried takes that name,
with the profile, the limits and the grants of the user, to which the engine then holds everybody.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from services.platform.retention import RetentionSettings
from tests.deploy.compose import FOLDER
from tests.support.clickhouse import ClickHouse as Server

USERS = FOLDER / "clickhouse" / "users" / "minmai.xml"
SERVER = FOLDER / "clickhouse" / "server" / "common.xml"
NAMES = ("schema", "writer", "board", "reader")
_NO_PASSWORD = hashlib.sha256(b"").hexdigest()
_OF_THE_SERVER = "GRANT CREATE DATABASE, DROP DATABASE ON default.*"
"""The embedded server makes a database `default` when it starts."""
_RUN = """
import json, sys
import chdb
connection = chdb.connect(sys.argv[1])
answers = []
for statement in json.load(sys.stdin):
    try:
        answers.append([str(connection.query(statement, "TSV")), ""])
    except Exception as error:
        answers.append(["", str(error)])
connection.close()
print(json.dumps(answers))
"""


def variables() -> dict[str, str]:
    """The environment that the users' passwords are read from; here they have none."""
    return dict(os.environ) | {f"CLICKHOUSE_{name.upper()}_SHA256": _NO_PASSWORD for name in NAMES}


def config(folder: Path, user: str | None, *more: str) -> Path:
    """Write the server's and the users' files to `folder`; `user` None is the administrator.

    `more` are grants for what the test itself needs. Backups go to `folder`/backups.
    """
    users = ElementTree.parse(USERS).getroot()
    known = users.find("users")
    profiles = users.find("profiles")
    assert known is not None
    assert profiles is not None
    ElementTree.SubElement(profiles, "default")
    ElementTree.SubElement(ElementTree.SubElement(users, "quotas"), "default")
    administrator = known.find("default")
    assert administrator is not None
    for name, text in (("password", ""), ("profile", "default"), ("quota", "default")):
        ElementTree.SubElement(administrator, name).text = text
    if user:
        known.remove(administrator)
        tried = deepcopy(known.find(user))
        assert tried is not None
        tried.tag = "default"
        grants = tried.find("grants")
        assert grants is not None
        for grant in more:
            ElementTree.SubElement(grants, "query").text = grant
        known.append(tried)
    own = folder / (user or "administrator")
    own.mkdir(exist_ok=True)
    (own / "users.xml").write_text(ElementTree.tostring(users, encoding="unicode"))
    server = ElementTree.parse(SERVER).getroot()
    path = server.find("storage_configuration/disks/backups/path")
    assert path is not None
    assert path.text == "/backups/"
    path.text = f"{folder / 'backups'}/"
    ElementTree.SubElement(server, "users_config").text = str(own / "users.xml")
    (own / "config.xml").write_text(ElementTree.tostring(server, encoding="unicode"))
    return own / "config.xml"


def answers(folder: Path, user: str | None, *statements: str) -> list[tuple[str, str]]:
    """Run statements as a user on the data of `folder`/data; what each gives, or else its error."""
    return run(folder, config(folder, user), *statements)


def run(folder: Path, settings: Path, *statements: str) -> list[tuple[str, str]]:
    """Run statements on the data of `folder`/data under a file of settings."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, f"{folder / 'data'}?config-file={settings}"],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=False,
        env=variables() | {"CLICKHOUSE_REPLICA": "2"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [(result, error) for result, error in json.loads(done.stdout.splitlines()[-1])]


@contextmanager
def served(folder: Path, user: str | None) -> Iterator[RetentionSettings]:
    """Serve the data of `folder`/data with everybody held to a user's rights."""
    server = Server(folder)
    server.config = config(folder, user, _OF_THE_SERVER)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables().items():
            patch.setenv(name, value)
        server.start()
        try:
            yield RetentionSettings(clickhouse_port=server.port)
        finally:
            server.stop()
