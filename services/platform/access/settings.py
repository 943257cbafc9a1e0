"""Settings of sign-in, which board and alerts share."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from services.platform.errors import StartError
from services.platform.settings import Common

LEAST_SECRET = 32
_HEADER = r"[A-Za-z0-9-]{1,100}"

Network = IPv4Network | IPv6Network


class AccessSettings(Common):
    """How staff sign in."""

    sign_in: Literal["none", "password", "proxy"] = Field(
        "none",
        description="none: nobody signs in, for this machine alone; password: users of the file of users; "
        "proxy: a proxy in front signs people in and names them in a header",
    )
    users: Path = Field(Path("data/users.json"), description="file of the users, their roles and hashes")
    session_secret: SecretStr = Field(
        SecretStr(""),
        description="signs sessions, 32 characters or more; several, separated by spaces: the first signs, "
        "sessions of all hold",
    )
    session_hours: float = Field(
        12.0, gt=0, le=8_760, description="hours after which one signs in again, whatever one does"
    )
    trusted_proxies: str = Field(
        "",
        description="addresses or networks of proxies in front, comma-separated: only of these "
        "X-Forwarded-For is believed and, with MINMAI_SIGN_IN=proxy, who has signed in",
    )
    proxy_user_header: str = Field(
        "X-Forwarded-User", pattern=rf"^{_HEADER}$", description="header in which the proxy names the user"
    )
    proxy_role_header: str = Field(
        "",
        pattern=rf"^({_HEADER})?$",
        description="header in which the proxy gives roles or groups, comma-separated, such as "
        "minmai-operator; empty: the file of users has the roles",
    )
    metrics_from: str = Field(
        "",
        description="addresses or networks, comma-separated, that may read /metrics; this machine always may",
    )
    board_url: str = Field(
        "http://127.0.0.1:8101",
        pattern=r"^https?://[^\s@]+$",
        description="where people reach the board; notices link to it. With https cookies are Secure",
    )

    @property
    def session_secrets(self) -> tuple[str, ...]:
        """The secrets of `session_secret`."""
        return tuple(self.session_secret.get_secret_value().split())

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`."""
        return networks(self.trusted_proxies)

    @property
    def secure(self) -> bool:
        """Whether people reach the board by TLS alone."""
        return self.board_url.startswith("https://")

    @field_validator("session_secret")
    @classmethod
    def _sessions_cannot_be_forged(cls, secret: SecretStr) -> SecretStr:
        if any(len(one) < LEAST_SECRET for one in secret.get_secret_value().split()):
            raise ValueError(
                f"must be {LEAST_SECRET} characters or more, such as `openssl rand -hex 32` gives"
            )
        return secret

    @field_validator("trusted_proxies", "metrics_from")
    @classmethod
    def _somebody_is_named(cls, text: str) -> str:
        for one in networks(text):
            if not one.prefixlen:
                raise ValueError(f"{one} is everybody; name addresses, or networks such as 10.1.2.0/24")
        return text

    @model_validator(mode="after")
    def _sign_in_has_what_it_needs(self) -> "AccessSettings":
        if self.sign_in == "password" and not self.session_secrets:
            raise ValueError(
                "MINMAI_SIGN_IN=password needs MINMAI_SESSION_SECRET, such as `openssl rand -hex 32` gives"
            )
        if self.sign_in == "proxy" and not self.trusted_networks:
            raise ValueError(
                "MINMAI_SIGN_IN=proxy needs MINMAI_TRUSTED_PROXIES, the addresses of the proxy: anybody else "
                "could send its headers"
            )
        return self


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated text. Raises ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`, or is called so."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_listening(settings: AccessSettings) -> None:
    """Raise StartError if others than this machine would reach a service without signing in."""
    if settings.sign_in == "none" and not is_loopback(settings.host):
        raise StartError(
            f"没有登录，不能对外开放 · nothing listens on MINMAI_HOST={settings.host or '::'}: "
            "whoever reaches it could see everything, for nobody signs in. Set MINMAI_SIGN_IN=password and "
            "add users with `minmai user add`, or MINMAI_SIGN_IN=proxy behind a proxy that signs people in; "
            "or leave MINMAI_HOST at 127.0.0.1 (docs/guides/sign-in.md)"
        )
