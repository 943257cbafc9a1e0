"""How one service knows who asks."""

import getpass
import hmac
import os
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from services.platform.access.identity import Identity, Role
from services.platform.access.proxies import Proxies, is_within
from services.platform.access.sessions import Sessions
from services.platform.access.settings import AccessSettings, is_loopback, networks
from services.platform.access.users import Users

_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip")


class Access:
    """Tells who asks, by the settings."""

    def __init__(
        self, settings: AccessSettings, *, without: Identity, token: SecretStr | None = None
    ) -> None:
        """`without` is everybody where nobody signs in; who sends `token` may do what operators may.

        Raises UsersError if the file of users is wrong.
        """
        self.settings = settings
        self.users = Users(settings.users)
        self.sessions = Sessions(
            self.users, settings.session_secrets or (token_hex(32),), timedelta(hours=settings.session_hours)
        )
        self.cookie = "__Host-minmai" if settings.secure else "minmai-session"
        self._proxies = Proxies(settings, self.users)
        self._watchers = networks(settings.metrics_from)
        self._board = urlsplit(settings.board_url)
        self._without = without
        self._token = token.get_secret_value() if token else ""

    def client(self, request: HTTPConnection) -> str:
        """Return the address that a request comes from."""
        return self._proxies.client(request)

    def identify(self, request: HTTPConnection) -> Identity | None:
        """Return who asks, None if that is not known. Raises Denied for who is known and has no role."""
        if self._token and _is_bearer(request.headers.get("authorization", ""), self._token):
            return Identity("api", "operator", "token")
        if self.settings.sign_in == "none":
            return self._without
        if self.settings.sign_in == "proxy":
            name = self._proxies.user(request)
            return Identity(name, self._proxies.role(request, name), "proxy") if name else None
        session = self.sessions.read(request.cookies.get(self.cookie, ""))
        user = self.sessions.user(session) if session else None
        return Identity(user.name, user.role, "password", session) if user else None

    def is_own(self, request: HTTPConnection) -> bool | None:
        """Whether a page of ours sends this request; None if it does not come from a page."""
        origin = request.headers.get("origin")
        if origin is None:
            site = request.headers.get("sec-fetch-site")
            return None if site is None else site in ("same-origin", "none")
        said = _parts(origin)
        if said.netloc.lower() == self._board.netloc.lower():
            return said.scheme == self._board.scheme
        return bool(said.netloc) and said.netloc.lower() == request.headers.get("host", "").lower()

    def is_called_ours(self, request: HTTPConnection) -> bool:
        """Whether a request names this machine: by another name, a stranger's page may have led here."""
        named = _parts(f"//{request.headers.get('host', '')}").hostname or ""
        return is_loopback(named) or named == self._board.hostname

    def may_watch(self, request: HTTPConnection) -> bool:
        """Whether metrics are for whoever asks: this machine itself, or who the settings name."""
        host = request.client.host if request.client else ""
        if any(name in request.headers for name in _FORWARDING):
            return False
        return is_loopback(host) or is_within(host, self._watchers)


def this_machine(role: Role) -> Identity:
    """Return whoever uses this machine, where nobody signs in: called as the system calls the user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        name = str(os.getuid())
    return Identity(name, role, "none")


def _parts(address: str) -> SplitResult:
    """The parts of an address; of what is none, no part."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _is_bearer(header: str, token: str) -> bool:
    scheme, _space, given = header.partition(" ")
    same = hmac.compare_digest(sha256(given.strip().encode()).digest(), sha256(token.encode()).digest())
    return scheme.lower() == "bearer" and same
