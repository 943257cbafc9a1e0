"""What proxies in front say, believed of trusted addresses alone."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.requests import HTTPConnection

from services.platform.access.identity import ROLES, Denied, Role
from services.platform.access.settings import AccessSettings, Network
from services.platform.access.users import Users

_LONGEST_NAME = 200
_PREFIX = "minmai-"

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies of the settings."""

    def __init__(self, settings: AccessSettings, users: Users) -> None:
        self._networks = settings.trusted_networks
        self._user_header = settings.proxy_user_header
        self._role_header = settings.proxy_role_header
        self._users = users

    def client(self, request: HTTPConnection) -> str:
        """Return the address a request comes from: of the peer or, where that is trusted, as it says.

        X-Forwarded-For grows to the right; whatever stands left of the first address that is not trusted may
        be made up.
        """
        host = request.client.host if request.client else ""
        said = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        client = host
        while self._trusts(client) and said and (before := _address(said.pop())):
            client = str(before)
        return client

    def user(self, request: HTTPConnection) -> str | None:
        """Return whom a trusted proxy names; None if it names nobody, or is not trusted.

        A header that is there twice is none: one of the two may have come from outside.
        """
        if not self._trusts(request.client.host if request.client else ""):
            return None
        names = request.headers.getlist(self._user_header)
        name = _decoded(names[0]).strip() if len(names) == 1 else ""
        return name if 0 < len(name) <= _LONGEST_NAME and name.isprintable() else None

    def role(self, request: HTTPConnection, name: str) -> Role:
        """Return the role of somebody whom a trusted proxy names: by its header, else by the file of users.

        Raises Denied if neither gives one.
        """
        if self._role_header:
            said = ",".join(request.headers.getlist(self._role_header)).split(",")
            given = {one.strip().removeprefix(_PREFIX) for one in said}
            for role in reversed(ROLES):
                if role in given:
                    return role
            raise Denied(
                f"{name} 没有本系统的角色 · the header {self._role_header} gives {name} no role: a group "
                f"{_PREFIX}viewer, {_PREFIX}operator or {_PREFIX}admin does"
            )
        user = self._users.find(name)
        if user is None:
            raise Denied(
                f"{name} 没有本系统的角色，请联系管理员 · {name} has no role here: `minmai user add {name} "
                "--no-password` gives one"
            )
        return user.role

    def _trusts(self, host: str) -> bool:
        return is_within(host, self._networks)


def is_within(host: str, networks: Iterable[Network]) -> bool:
    """Whether an address is of one of the networks; a text that is none is not."""
    address = _address(host)
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _decoded(value: str) -> str:
    """A header is latin-1 to ASGI; names are UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value
