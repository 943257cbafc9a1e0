"""Settings from the environment and from files."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.aggregate.settings import AggregateSettings
from services.alerts.settings import AlertsSettings
from services.board.grafana.settings import GrafanaSettings
from services.board.settings import BoardSettings
from services.ingest.settings import IngestSettings
from services.platform.errors import SettingsError
from services.platform.settings import PREFIX, SECRETS, Common, load

KINDS = (IngestSettings, AggregateSettings, AlertsSettings, BoardSettings, GrafanaSettings)
SECRET_SETTINGS = [
    (kind, name)
    for kind in KINDS
    for name, field in kind.model_fields.items()
    if field.annotation is SecretStr
]
VALUE = "a-secret-of-more-than-thirty-two-characters"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SECRETS, str(tmp_path))
    monkeypatch.setenv("MINMAI_GRAFANA_USER", "admin")
    return tmp_path


@pytest.mark.parametrize(("kind", "name"), SECRET_SETTINGS, ids=lambda one: getattr(one, "__name__", one))
def test_every_secret_may_stand_in_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Common], name: str
) -> None:
    if name == "grafana_token":
        monkeypatch.delenv("MINMAI_GRAFANA_USER")
    (folder / f"{PREFIX}{name}".lower()).write_text(f"{VALUE}\n")
    assert getattr(load(kind), name).get_secret_value() == VALUE


def test_a_variable_goes_before_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "minmai_smtp_password").write_text("file")
    monkeypatch.setenv("MINMAI_SMTP_PASSWORD", "variable")
    assert load(AlertsSettings).smtp_password.get_secret_value() == "variable"


def test_an_empty_file_is_no_secret(folder: Path) -> None:
    (folder / "minmai_alerts_link_secret").write_text("\n")
    assert load(AlertsSettings).link_secrets == ()


def test_a_mistake_in_a_file_names_the_setting_and_not_the_secret(folder: Path) -> None:
    (folder / "minmai_alerts_link_secret").write_text("too-short")
    with pytest.raises(SettingsError, match=r"MINMAI_ALERTS_LINK_SECRET: .*32 characters") as error:
        load(AlertsSettings)
    assert "too-short" not in str(error.value)


def test_a_folder_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SECRETS, str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="MINMAI_SECRETS: there is no folder"):
        load(Common)


def test_a_file_that_is_no_text_is_a_mistake(folder: Path) -> None:
    (folder / "minmai_clickhouse_password").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"MINMAI_SECRETS: .*clickhouse_password.*a file must be text"):
        load(Common)
