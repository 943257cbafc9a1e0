"""What every test may ask for: a broker, a ClickHouse, a database of its own."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.support.brokers import KINDS, Broker, Fresh, new_broker
from tests.support.clickhouse import ClickHouse
from tests.support.databases import Migrated

# A busy machine is no failure: no test asserts on seconds.
settings.register_profile("minmai", deadline=None)
settings.load_profile("minmai")

_failed = pytest.StashKey[bool]()
_without_broker = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=KINDS,
        default=KINDS[0],
        help="the broker behind the fixtures: the embedded one, or Apache Kafka (needs Java and Maven)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files go first, so that at the end no process is alone at work.

    On Kafka only tests with a broker have anything new to tell; how many others there are is said.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if config.getoption("--broker") == KINDS[0]:
        return
    brokered = [item for item in items if "broker_kind" in getattr(item, "fixturenames", ())]
    config.stash[_without_broker] = len(items) - len(brokered)
    config.hook.pytest_deselected(items=[item for item in items if item not in brokered])
    if hasattr(config, "workeroutput"):  # one process of several, which all see the same tests
        config.workeroutput["without_broker"] = config.stash[_without_broker]
    items[:] = brokered


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of several has told at its end."""
    node.config.stash[_without_broker] = getattr(node, "workeroutput", {}).get("without_broker", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(_without_broker, 0):
        terminalreporter.write_line(f"{left_out} tests left out: without a broker they are the same on Kafka")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture(scope="session")
def broker_kind(request: pytest.FixtureRequest) -> str:
    """`embedded` or `kafka`, as chosen by --broker."""
    return str(request.config.getoption("--broker"))


@pytest.fixture(scope="session")
def broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker which all tests share: name topics and groups so that they do not meet."""
    shared = new_broker(broker_kind, tmp_path_factory.mktemp("broker"))
    shared.start()
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def fresh_brokers(broker_kind: str) -> Iterator[Fresh]:
    """Where `fresh_broker` comes from."""
    fresh = Fresh(broker_kind)
    yield fresh
    fresh.stop()


@pytest.fixture
def fresh_broker(fresh_brokers: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker of this test's own, empty."""
    with fresh_brokers.lent(lambda: tmp_path_factory.mktemp("broker")) as own:
        yield own


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A running embedded ClickHouse which all tests share."""
    shared = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    shared.start()
    yield shared
    shared.stop()


@pytest.fixture
def database(clickhouse: ClickHouse, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a new, empty database; it is kept for a look when the test fails."""
    name = f"t_{secrets.token_hex(6)}"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    yield name
    if not request.node.stash.get(_failed, False):
        with clickhouse.client() as client:
            client.execute(f"DROP DATABASE {name} SYNC")


@pytest.fixture(scope="session")
def migrated_databases(clickhouse: ClickHouse) -> Migrated:
    """Where `migrated` comes from."""
    return Migrated(clickhouse)


@pytest.fixture
def migrated(migrated_databases: Migrated, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database of this test's own with the whole schema, empty; kept when the test fails."""
    with migrated_databases.lent(lambda: request.node.stash.get(_failed, False)) as name:
        yield name


@pytest.fixture(autouse=True)
def _restore_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that kills a shared server leaves a running one to the next, also when it fails."""
    used = [
        request.getfixturevalue(name) for name in ("broker", "clickhouse") if name in request.fixturenames
    ]
    yield
    for server in used:
        if not server.running:
            server.start()
