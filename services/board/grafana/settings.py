"""Settings of `minmai grafana publish`."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.platform.settings import Common

_ADDRESS = r"[^@\s,;]+@[^@\s,;]+"


class GrafanaSettings(Common):
    """Which Grafana, who we are there, how it reaches ClickHouse, and whom it shall tell."""

    grafana_url: str = Field(
        "http://127.0.0.1:3000", description="address of Grafana, with its path if it has one"
    )
    grafana_token: SecretStr = Field(SecretStr(""), description="token of a service account with role Admin")
    grafana_user: str = Field("", description="instead of a token: a user of the organisation, role Admin")
    grafana_password: SecretStr = SecretStr("")
    grafana_verify: bool = Field(True, description="check the certificate of an https address")
    grafana_clickhouse_host: str = Field(
        "", description="where Grafana reaches ClickHouse; empty: where the services do"
    )
    grafana_clickhouse_port: int | None = Field(
        None, ge=1, le=65535, description="native protocol; none: the services' port"
    )
    grafana_clickhouse_user: str = Field("", description="a reader; empty: the services' user")
    grafana_clickhouse_password: SecretStr = SecretStr("")
    grafana_mail_to: str = Field(
        "",
        pattern=rf"^(\s*{_ADDRESS}\s*(,\s*{_ADDRESS}\s*)*)?$",
        description="whom Grafana writes e-mail to, comma-separated; empty: nobody",
    )
    grafana_webhook_url: str = Field("", description="whom Grafana posts alerts to; empty: nobody")
    grafana_dingtalk_url: SecretStr = Field(SecretStr(""), description="address of a DingTalk robot")
    grafana_wecom_url: SecretStr = Field(SecretStr(""), description="address of a WeCom robot")
    board_url: str = Field(
        "http://127.0.0.1:8101",
        pattern=r"^https?://[^\s@]+$",
        description="where people reach the board; alerts link to it",
    )

    @property
    def mail_recipients(self) -> list[str]:
        """The addresses of `grafana_mail_to`."""
        return [one.strip() for one in self.grafana_mail_to.split(",") if one.strip()]

    @field_validator("grafana_url")
    @classmethod
    def _is_an_address_without_credentials(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                "must be an http:// or https:// address, such as https://grafana.example.org/grafana"
            )
        if "@" in parts.netloc:
            raise ValueError(
                "must not hold a user or password, addresses end up in logs: use MINMAI_GRAFANA_TOKEN"
            )
        return url.rstrip("/")

    @field_validator("grafana_token")
    @classmethod
    def _can_stand_in_a_header(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().isascii():
            raise ValueError("is no token: copy it whole, it has letters, digits and underscores only")
        return token

    @model_validator(mode="after")
    def _one_of_token_and_user(self) -> "GrafanaSettings":
        if bool(self.grafana_token.get_secret_value()) == bool(self.grafana_user):
            raise ValueError(
                "set either MINMAI_GRAFANA_TOKEN, or MINMAI_GRAFANA_USER with MINMAI_GRAFANA_PASSWORD"
            )
        return self
