"""Settings: one object per service, read from MINMAI_… variables, every mistake reported at once.

Any of them may stand in a file instead, so that a secret is in no environment: MINMAI_SECRETS names a folder,
and `minmai_smtp_password` in it holds what MINMAI_SMTP_PASSWORD would. A variable goes before a file.
"""

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from services.platform.errors import SettingsError

PREFIX = "MINMAI_"
SECRETS = f"{PREFIX}SECRETS"
"""The variable that names the folder of settings kept in files, such as /run/secrets of a container."""


class Common(BaseSettings):
    """What every service needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port, comma-separated")
    clickhouse_host: str = Field(
        "127.0.0.1",
        pattern=r"^[^\s,]+(,[^\s,]+)*$",
        description="host or host:port; of a cluster all replicas, comma-separated, the one to prefer first",
    )
    clickhouse_port: int = Field(9000, ge=1, le=65535, description="native protocol")
    clickhouse_database: str = Field("minmai", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    clickhouse_cluster: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="name of the cluster of the replicas that hold this database; empty for one server",
    )
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    plan: Path = Field(Path("plans/yanshan"), description="folder of the county's plan")
    clock: Literal["wall", "event"] = Field(
        "wall", description="what 'now' is: the wall clock, or the newest event time (the demo)"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


S = TypeVar("S", bound=Common)


def load(kind: type[S]) -> S:
    """Read a service's settings from the environment and the folder of MINMAI_SECRETS.

    Raises SettingsError with one line per mistake, each naming its variable.
    """
    try:
        return kind(**_sources())
    except ValidationError as error:
        lines = (f"  {_named(mistake['loc'])}{_said(mistake['msg'])}" for mistake in error.errors())
        raise SettingsError("settings are wrong:\n" + "\n".join(lines)) from None
    except SourceError as error:
        raise SettingsError(
            f"settings are wrong:\n  {SECRETS}: {error}: {error.__cause__}; "
            "a file must be text, and readable for whoever runs the service"
        ) from None


def _named(place: tuple[int | str, ...]) -> str:
    """Return the variable a mistake is in; of several together, the message names them."""
    return f"{PREFIX}{'.'.join(map(str, place)).upper()}: " if place else ""


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")


def _sources() -> dict[str, Any]:
    """Return where pydantic-settings shall look besides the environment.

    A folder that is not there is a mistake: the service would start without its password.
    """
    folder = os.environ.get(SECRETS)
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise SettingsError(f"settings are wrong:\n  {SECRETS}: there is no folder {folder}")
    return {"_secrets_dir": folder}
