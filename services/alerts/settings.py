"""Settings of the alerts service."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.alerts.channels.mail import ADDRESS
from services.alerts.place import LONGEST_URL
from services.platform.access.settings import LEAST_SECRET, AccessSettings


class AlertsSettings(AccessSettings):
    """What the alerts service needs to know. Without a channel alerts are still evaluated and kept."""

    alerts_port: int = Field(8102, ge=1, le=65535, description="port of /v1/alerts, /readyz and /metrics")
    alerts_operator_token: SecretStr = Field(
        SecretStr(""),
        description="who sends it may do over HTTP what operators may; empty: only who signs in may",
    )
    alerts_url: str = Field(
        "http://127.0.0.1:8102",
        pattern=r"^https?://[^\s@]+$",
        max_length=LONGEST_URL,
        description="where subscribers reach their pages, which this service serves below /my/",
    )
    alerts_link_secret: SecretStr = Field(
        SecretStr(""),
        description="signs the links to subscribers' pages, 32 characters or more; empty: no pages. "
        "Several, separated by spaces: the first signs, links of all hold",
    )
    webhook_url: str = Field("", description="http(s) address that is sent every change; empty: none")
    webhook_secret: SecretStr = Field(SecretStr(""), description="signs what is sent; empty: unsigned")
    smtp_host: str = Field("", description="mail server; empty: no e-mail")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_user: str = Field("", description="empty: no login")
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    mail_from: str = Field("", pattern=rf"^({ADDRESS})?$", description="sender's address")
    mail_to: str = Field(
        "",
        pattern=rf"^(\s*{ADDRESS}\s*(,\s*{ADDRESS}\s*)*)?$",
        description="addresses that are sent every change, comma-separated; subscribers have their own",
    )
    notice_first_retry_seconds: float = Field(
        1.0, gt=0, le=600, description="wait after the first failed attempt; it doubles with each further one"
    )
    notice_longest_retry_seconds: float = Field(600.0, gt=0, le=86_400, description="longest wait")
    notice_give_up_seconds: float = Field(
        86_400.0, gt=0, description="age at which an undelivered notice is given up"
    )

    @property
    def mail_recipients(self) -> tuple[str, ...]:
        """The addresses of `mail_to`."""
        return tuple(dict.fromkeys(address.strip() for address in self.mail_to.split(",") if address.strip()))

    @property
    def link_secrets(self) -> tuple[str, ...]:
        """The secrets of `alerts_link_secret`."""
        return tuple(self.alerts_link_secret.get_secret_value().split())

    @field_validator("alerts_link_secret")
    @classmethod
    def _links_cannot_be_guessed(cls, secret: SecretStr) -> SecretStr:
        if any(len(one) < LEAST_SECRET for one in secret.get_secret_value().split()):
            raise ValueError(
                f"must be {LEAST_SECRET} characters or more, such as `openssl rand -hex 32` gives"
            )
        return secret

    @field_validator("webhook_url")
    @classmethod
    def _webhook_is_an_address_without_credentials(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http:// or https:// address")
        if "@" in parts.netloc:
            raise ValueError(
                "must not hold a user or password, addresses end up in logs: MINMAI_WEBHOOK_SECRET signs"
            )
        return url

    @model_validator(mode="after")
    def _mail_is_whole(self) -> "AlertsSettings":
        given = {
            "MINMAI_SMTP_HOST": self.smtp_host,
            "MINMAI_MAIL_FROM": self.mail_from,
            "MINMAI_MAIL_TO": self.mail_to,
        }
        needed = list(given)[:2]
        missing = [name for name in needed if not given[name]]
        if missing and any(given.values()):
            raise ValueError(f"e-mail needs {' and '.join(needed)}; {', '.join(missing)} is missing")
        if (
            self.smtp_user
            and self.smtp_tls == "none"
            and self.smtp_host not in ("127.0.0.1", "localhost", "::1")
        ):
            raise ValueError(
                "MINMAI_SMTP_TLS=none would send the password of MINMAI_SMTP_USER in clear over the network"
            )
        return self
