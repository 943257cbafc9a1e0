"""Every MINMAI_… variable of the compose file is a setting of its service, and every setting is there."""

import re
from collections.abc import Iterator

import pytest

from services.aggregate.settings import AggregateSettings
from services.alerts.settings import AlertsSettings
from services.board.grafana.settings import GrafanaSettings
from services.board.settings import BoardSettings
from services.ingest.settings import IngestSettings
from services.platform.access.settings import AccessSettings
from services.platform.retention import RetentionSettings
from services.platform.settings import PREFIX, SECRETS, Common
from tests.deploy.compose import services

SERVICES = services()
READ: dict[str, tuple[type[Common], ...]] = {
    "migrate": (RetentionSettings,),
    "topics": (IngestSettings, RetentionSettings),
    "ingest": (IngestSettings,),
    "aggregate": (AggregateSettings,),
    "alerts": (AlertsSettings,),
    "board": (BoardSettings,),
    "grafana-publish": (GrafanaSettings,),
}
LEFT_OUT = {
    "MINMAI_JOURNAL": "for a broker whose log is in memory",
    "MINMAI_JOURNAL_SEGMENT_BYTES": "as the journal",
    "MINMAI_GRAFANA_TOKEN": "the job signs in as admin: a new Grafana has no token yet",
}
"""Settings that the compose file does not set, and why."""
_OF_CLICKHOUSE = {"MINMAI_CLICKHOUSE_USER", "MINMAI_CLICKHOUSE_PASSWORD"}
"""What publishing, which speaks to Grafana alone, does not need."""


def _names(*kinds: type[Common]) -> set[str]:
    return {f"{PREFIX}{name}".upper() for kind in kinds for name in kind.model_fields}


def _given(name: str) -> Iterator[str]:
    """The settings that a service is given, as variables or as files."""
    service = SERVICES[name]
    yield from (one for one in service["environment"] if one.startswith(PREFIX))
    yield from (
        one["target"].upper()
        for one in service.get("secrets", [])
        if one["target"].startswith(PREFIX.lower())
    )


def test_each_of_our_services_is_looked_at() -> None:
    assert {name for name, one in SERVICES.items() if "build" in one} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_a_service_is_given_settings_that_it_knows(name: str) -> None:
    given = list(_given(name))
    assert len(given) == len(set(given)), "as a variable and as a file"
    assert set(given) - _names(*READ[name]) == {SECRETS}


def test_every_setting_is_given_or_left_out_with_a_reason() -> None:
    for name in ("ingest", "aggregate", "alerts", "board", "grafana-publish"):
        missing = _names(*READ[name]) - set(_given(name))
        kept = {one for one in LEFT_OUT if one in _names(*READ[name])}
        # Publishing speaks to Grafana, not to ClickHouse.
        unused = (
            {"MINMAI_CLICKHOUSE_USER", "MINMAI_CLICKHOUSE_PASSWORD"} if name == "grafana-publish" else set()
        )
        assert missing == kept | unused, name
    assert set(LEFT_OUT) <= set().union(*(_names(*kinds) for kinds in READ.values()))


def test_secrets_of_clickhouse_go_to_the_user_they_are_of() -> None:
    for name in READ:
        service = SERVICES[name]
        sources = {one["target"]: one["source"] for one in service.get("secrets", [])}
        user = service["environment"].get("MINMAI_CLICKHOUSE_USER")
        if user:
            assert sources["minmai_clickhouse_password"] == user.replace("minmai_", "clickhouse_")
        else:
            assert "minmai_clickhouse_password" not in sources
    grafana = SERVICES["grafana-publish"]
    assert grafana["environment"]["MINMAI_GRAFANA_CLICKHOUSE_USER"] == "minmai_reader"
    assert {"source": "clickhouse_reader", "target": "minmai_grafana_clickhouse_password"} in grafana[
        "secrets"
    ]


@pytest.mark.parametrize("name", READ)
def test_the_settings_that_are_fixed_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        if value is not None and variable != SECRETS:
            monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value))
    if "session_secret" in [one["source"] for one in SERVICES[name].get("secrets", [])]:
        monkeypatch.setenv("MINMAI_SESSION_SECRET", "x" * 32)
    for kind in READ[name]:
        kind()


def test_whoever_looks_at_a_page_that_others_reach_signs_in() -> None:
    watched = [
        name for name, kinds in READ.items() if any(issubclass(kind, AccessSettings) for kind in kinds)
    ]
    assert set(watched) == {"alerts", "board"}
    for name in watched:
        environment = SERVICES[name]["environment"]
        assert environment["MINMAI_SIGN_IN"] == "${MINMAI_SIGN_IN:-password}"
        mounts = [one.split(":") for one in SERVICES[name]["volumes"]]
        [folder] = [target for source, target, *_ in mounts if source == "access"]
        assert environment["MINMAI_USERS"].startswith(f"{folder}/")
