"""The gate: who comes in by which way, and what is refused; attempts to get around it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.platform.access import users
from services.platform.access.access import Access
from services.platform.access.attempts import Attempts
from services.platform.access.audit import Audit, Entry
from services.platform.access.gate import Doors, Gate, inside, require
from services.platform.access.identity import ROLES, Denied, Identity, Role
from services.platform.access.settings import AccessSettings, check_listening
from services.platform.errors import SettingsError, StartError
from services.platform.settings import load

HERE = "http://127.0.0.1:8101"
OUTSIDE = "https://board.example"
PASSWORD = "green-mountain-47"
SECRET = "s" * 32
DOORS = Doors(frozenset({"/sign-in", "/healthz"}), ("/static/",), frozenset({"/v1/session"}))

Told = list[Entry]


class Telling(Audit):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: Told = []

    def tell(self, entry: Entry) -> None:
        self.told.append(entry)


class Site:
    """A service behind a gate; `client` asks from an address."""

    def __init__(self, settings: AccessSettings, token: str = "", without: Role = "admin") -> None:
        self.access = Access(settings, without=Identity("here", without, "none"), token=SecretStr(token))
        self.audit = Telling()
        app = self.app = FastAPI()
        app.add_middleware(Gate, access=self.access, doors=DOORS, audit=self.audit)

        @app.exception_handler(Denied)
        async def denied(_request: Any, error: Denied) -> Any:
            from fastapi.responses import JSONResponse

            return JSONResponse({"detail": str(error)}, 403)

        for path in ("/", "/v1/figures", "/healthz", "/sign-in", "/static/a.js", "/metrics"):
            app.get(path)(lambda: {"in": True})

        @app.get("/v1/me")
        def me(who: Annotated[Identity, Depends(require("viewer"))]) -> dict[str, str]:
            return {"name": who.name, "role": who.role, "by": who.by}

        for role in ROLES:
            app.get(f"/v1/for/{role}", dependencies=[Depends(require(role))])(lambda: {"in": True})

        @app.put("/v1/alerts/{id}/acknowledgement")
        def acknowledge(id: str) -> dict[str, str]:
            return {"done": id}

        @app.post("/v1/session")
        def session() -> dict[str, bool]:
            return {"in": True}

    def client(self, address: str = "10.0.0.7", at: str = HERE, **headers: str) -> TestClient:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(self.app, at, client=(address, 40_000), headers=named, follow_redirects=False)

    def signed_in(self, name: str, **more: Any) -> TestClient:
        user = self.access.users.find(name)
        assert user
        client = self.client(**more)
        client.cookies.set(self.access.cookie, self.access.sessions.begin(user))
        return client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.json"
    for role in ROLES:
        users.add(path, f"the-{role}", role, None)
    return path


@pytest.fixture
def by_password(file: Path) -> Site:
    return Site(AccessSettings(sign_in="password", users=file, session_secret=SecretStr(SECRET)))


@pytest.fixture
def by_proxy(file: Path) -> Site:
    return Site(AccessSettings(sign_in="proxy", users=file, trusted_proxies="10.0.0.0/24, ::1"))


# --- without sign-in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_without_sign_in_a_service_listens_on_this_machine(host: str) -> None:
    check_listening(AccessSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "board.example"])
def test_without_sign_in_it_does_not_listen_elsewhere_and_says_what_to_do(host: str) -> None:
    with pytest.raises(StartError, match=r"MINMAI_SIGN_IN=password.*minmai user add"):
        check_listening(AccessSettings(host=host))
    check_listening(AccessSettings(host=host, sign_in="password", session_secret=SecretStr(SECRET)))


def test_without_sign_in_whoever_uses_this_machine_may_do_all(file: Path) -> None:
    site = Site(AccessSettings(users=file))
    client = site.client("127.0.0.1")
    assert client.get("/v1/me").json() == {"name": "here", "role": "admin", "by": "none"}
    assert client.put("/v1/alerts/1/acknowledgement").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "a@b"]
)
def test_without_sign_in_another_name_for_this_machine_leads_nowhere(file: Path, host: str) -> None:
    """DNS rebinding: a stranger's page calls this machine by the stranger's name."""
    client = Site(AccessSettings(users=file)).client("127.0.0.1", Host=host)
    assert client.get("/v1/figures").status_code == 421
    assert client.get("/healthz").status_code == 200


def test_without_sign_in_the_boards_own_name_is_known(file: Path) -> None:
    site = Site(AccessSettings(users=file, board_url=OUTSIDE))
    assert site.client("127.0.0.1", at=OUTSIDE).get("/v1/figures").status_code == 200


# --- with a password --------------------------------------------------------------------------------------


def test_who_is_not_signed_in_sees_what_is_open_alone(by_password: Site) -> None:
    client = by_password.client()
    for path in ("/healthz", "/sign-in", "/static/a.js"):
        assert client.get(path).status_code == 200
    for path in ("/", "/v1/figures", "/v1/me", "/metrics", "/none", "/static", "/healthz/", "//healthz"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"]
        assert "/sign-in" in answer.json()["detail"]
    for path in ("/static/../v1/figures", "/static/%2e%2e/v1/figures", "/v1/figures;/static/"):
        assert client.get(path).status_code in (401, 404)
    assert client.put("/v1/alerts/1/acknowledgement", headers={"Origin": HERE}).status_code == 401
    assert by_password.audit.told == []


def test_a_browser_is_led_to_the_page_to_sign_in_and_knows_the_way_back(by_password: Site) -> None:
    client = by_password.client(Accept="text/html,*/*")
    answer = client.get("/?lang=en&x=%26")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2F%3Flang%3Den%26x%3D%2526"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_those_before_it_may(by_password: Site, role: Role) -> None:
    client = by_password.signed_in(f"the-{role}")
    got = [other for other in ROLES if client.get(f"/v1/for/{other}").status_code == 200]
    assert got == list(ROLES[: ROLES.index(role) + 1])
    change = client.put("/v1/alerts/1/acknowledgement", headers={"Origin": HERE})
    assert change.status_code == (403 if role == "viewer" else 200)
    [entry] = by_password.audit.told
    assert (entry.name, entry.outcome) == (f"the-{role}", "refused" if role == "viewer" else "done")
    assert entry.target == "/v1/alerts/1/acknowledgement"
    assert entry.remote == "10.0.0.7"
    assert client.get("/v1/figures").headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8101.evil.example"},
        {"Origin": "https://127.0.0.1:8101"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_a_change_that_no_page_of_ours_sends_is_refused(by_password: Site, headers: dict[str, str]) -> None:
    client = by_password.signed_in("the-admin")
    for send in (client.put, client.post, client.delete, client.patch):
        assert send("/v1/alerts/1/acknowledgement", headers=headers).status_code == 403
    assert client.post("/v1/session", headers=headers).status_code == 403
    assert client.get("/v1/figures", headers=headers).status_code == 200


def test_the_boards_address_is_ours_also_where_a_proxy_changes_the_host(file: Path) -> None:
    site = Site(
        AccessSettings(
            sign_in="password", users=file, session_secret=SecretStr(SECRET), board_url=f"{OUTSIDE}/"
        )
    )
    assert site.access.cookie == "__Host-minmai"
    client = site.signed_in("the-operator", at="https://10.0.0.1:8101", Origin=OUTSIDE)
    assert client.put("/v1/alerts/1/acknowledgement").status_code == 200


def test_headers_of_a_proxy_sign_nobody_in(by_password: Site) -> None:
    client = by_password.client("127.0.0.1", X_Forwarded_User="the-admin", Remote_User="the-admin")
    assert client.get("/v1/me").status_code == 401


def test_a_role_holds_at_once_and_a_removed_user_is_out(by_password: Site, file: Path) -> None:
    client = by_password.signed_in("the-admin")
    assert client.get("/v1/for/admin").status_code == 200
    users.set_role(file, "the-admin", "viewer")
    assert client.get("/v1/for/admin").status_code == 403
    users.remove(file, "the-admin")
    assert client.get("/v1/for/viewer").status_code == 401


# --- behind a proxy ---------------------------------------------------------------------------------------


def test_a_trusted_proxy_names_who_has_signed_in(by_proxy: Site) -> None:
    client = by_proxy.client(X_Forwarded_User="the-operator")
    assert client.get("/v1/me").json() == {"name": "the-operator", "role": "operator", "by": "proxy"}
    assert client.put("/v1/alerts/1/acknowledgement").status_code == 403
    assert client.put("/v1/alerts/1/acknowledgement", headers={"Origin": HERE}).status_code == 200


@pytest.mark.parametrize("address", ["10.0.1.7", "127.0.0.1", "::2", "testclient", ""])
def test_from_any_other_address_its_headers_are_nothing(by_proxy: Site, address: str) -> None:
    headers = {"X_Forwarded_User": "the-admin", "X_Forwarded_For": "10.0.0.7", "Forwarded": "for=10.0.0.7"}
    client = by_proxy.client(address, **headers)
    assert client.get("/v1/me").status_code == 401
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.parametrize("address", ["10.0.0.255", "::ffff:10.0.0.7", "::1", "0:0:0:0:0:0:0:1"])
def test_an_address_may_be_written_in_several_ways(by_proxy: Site, address: str) -> None:
    assert by_proxy.client(address, X_Forwarded_User="the-admin").get("/v1/me").status_code == 200


def test_a_header_that_comes_twice_names_nobody(by_proxy: Site) -> None:
    client = by_proxy.client()
    twice = [("X-Forwarded-User", "the-admin"), ("X-Forwarded-User", "the-viewer")]
    assert client.get("/v1/me", headers=twice).status_code == 401


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x01b"])
def test_a_name_that_is_none_is_nobody(by_proxy: Site, name: str) -> None:
    assert by_proxy.client(X_Forwarded_User=name).get("/v1/me").status_code == 401


def test_who_has_no_role_is_told_so(by_proxy: Site) -> None:
    answer = by_proxy.client(X_Forwarded_User="wang").get("/v1/figures")
    assert answer.status_code == 403
    assert "minmai user add wang" in answer.json()["detail"]
    assert by_proxy.client(X_Forwarded_User="wang").get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ("minmai-viewer", "viewer"),
        ("staff, minmai-viewer,minmai-admin", "admin"),
        ("operator", "operator"),
        ("minmai-minmai-admin", None),
        ("administrators", None),
        ("", None),
    ],
)
def test_a_proxy_may_give_the_role(file: Path, groups: str, role: str | None) -> None:
    settings = AccessSettings(
        sign_in="proxy", users=file, trusted_proxies="10.0.0.7", proxy_role_header="X-Groups"
    )
    headers = [(b"X-Forwarded-User", "岩".encode()), (b"X-Groups", groups.encode())]
    answer = Site(settings).client().get("/v1/me", headers=headers)
    assert answer.status_code == (200 if role else 403)
    if role:
        assert answer.json() == {"name": "岩", "role": role, "by": "proxy"}


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "203.0.113.9, 10.0.0.8", "203.0.113.9"),
        ("10.0.0.7", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.7", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.7", "nonsense", "10.0.0.7"),
        ("10.0.0.7", "", "10.0.0.7"),
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
    ],
)
def test_where_a_request_comes_from_says_the_last_that_is_trusted(
    by_proxy: Site, peer: str, said: str, client: str
) -> None:
    headers = {"X_Forwarded_For": said, "X_Forwarded_User": "the-operator", "Origin": HERE}
    by_proxy.client(peer, **headers).put("/v1/alerts/1/acknowledgement")
    remotes = [entry.remote for entry in by_proxy.audit.told]
    assert remotes == ([client] if peer.startswith("10.0.0.") else [])


# --- a machine's token, and metrics -----------------------------------------------------------------------


def test_a_machine_with_the_token_may_do_what_operators_may(file: Path) -> None:
    settings = AccessSettings(sign_in="password", users=file, session_secret=SecretStr(SECRET))
    site = Site(settings, token="the-token")
    client = site.client(Authorization="Bearer the-token")
    assert client.get("/v1/me").json()["by"] == "token"
    assert client.get("/v1/for/admin").status_code == 403
    assert client.put("/v1/alerts/1/acknowledgement").status_code == 200
    assert client.put("/v1/alerts/1/acknowledgement", headers={"Origin": OUTSIDE}).status_code == 403
    for wrong in ("Bearer ", "Bearer the-toke", "Basic the-token", "the-token"):
        assert site.client(Authorization=wrong).get("/v1/me").status_code == 401
    assert Site(settings).client(Authorization="Bearer ").get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.9.0.3", {}, 200),
        ("10.0.0.7", {}, 401),
        ("127.0.0.1", {"X_Forwarded_For": "203.0.113.9"}, 401),
        ("10.9.0.3", {"Forwarded": "for=1.2.3.4"}, 401),
    ],
)
def test_metrics_are_for_this_machine_and_who_is_named(
    file: Path, address: str, headers: dict[str, str], status: int
) -> None:
    settings = AccessSettings(
        sign_in="password", users=file, session_secret=SecretStr(SECRET), metrics_from="10.9.0.0/16"
    )
    assert Site(settings).client(address, **headers).get("/metrics").status_code == status


# --- where to go then -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/?lang=en", "/wall", "/#map/x", "/a?b=//c", "/路?名=1"])
def test_after_signing_in_one_goes_where_one_wanted(address: str) -> None:
    assert inside(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("", "x", "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example"),
        *(
            "/\t/evil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
            " /",
            "/sign-in",
            "/x\r\nSet-Cookie: a",
        ),
        *("///evil.example", "http:/evil.example", "/\x00/evil", "/\u2028"),
    ],
)
def test_and_never_to_another_site(address: str) -> None:
    assert inside(address) == "/"


@given(st.text(st.sampled_from("/\\.:@ \t\n#?eviltp"), max_size=12))
def test_wherever_one_goes_is_on_the_board(address: str) -> None:
    import httpx

    there = httpx.URL(f"{HERE}/sign-in").join(inside(address))
    assert (there.scheme, there.netloc) == ("http", b"127.0.0.1:8101")


# --- how often --------------------------------------------------------------------------------------------


class TestAttempts:
    clock: float = 0.0

    def made(self) -> Attempts:
        return Attempts(lambda: self.clock)

    def test_five_at_once_then_one_a_minute(self) -> None:
        attempts = self.made()
        assert [attempts.wait("li", "1.1.1.1") for _ in range(5)] == [0] * 5
        assert 0 < attempts.wait("LI", "1.1.1.1") <= 60
        assert attempts.wait("wang", "1.1.1.1") == 0
        assert attempts.wait("li", "2.2.2.2") == 0
        self.clock += 60
        assert attempts.wait("li", "1.1.1.1") == 0
        assert attempts.wait("li", "1.1.1.1") > 0

    def test_an_attempt_that_succeeds_costs_nothing(self) -> None:
        attempts = self.made()
        for _ in range(1_000):
            assert attempts.wait("li", "1.1.1.1") == 0
            attempts.succeeded("li", "1.1.1.1")

    @pytest.mark.parametrize(
        "address", [lambda n: "1.1.1.1", lambda n: f"2001:db8::{n:x}"], ids=["one address", "one IPv6 site"]
    )
    def test_many_names_from_one_place(self, address: Callable[[int], str]) -> None:
        attempts = self.made()
        waits = [attempts.wait(f"user-{n}", address(n)) for n in range(40)]
        assert sum(wait == 0 for wait in waits) == 30

    def test_one_name_from_many_places(self) -> None:
        attempts = self.made()
        waits = [attempts.wait("li", f"10.0.{n // 250}.{n % 250}") for n in range(200)]
        assert sum(wait == 0 for wait in waits) == 100

    def test_what_it_remembers_is_bounded(self) -> None:
        attempts = self.made()
        for n in range(60_000):
            self.clock += 30
            attempts.wait(f"user-{n}", f"2001:db8:{n % 60_000:x}::1")
        assert len(attempts._buckets) < 60_000


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SIGN_IN": "password"}, "MINMAI_SESSION_SECRET"),
        ({"SIGN_IN": "password", "SESSION_SECRET": "short"}, "openssl rand"),
        ({"SIGN_IN": "proxy"}, "MINMAI_TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "everybody"),
        ({"TRUSTED_PROXIES": "proxy.example"}, "MINMAI_TRUSTED_PROXIES"),
        ({"METRICS_FROM": "::/0"}, "everybody"),
        ({"PROXY_USER_HEADER": "X Y"}, "MINMAI_PROXY_USER_HEADER"),
        ({"SIGN_IN": "perhaps"}, "MINMAI_SIGN_IN"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"MINMAI_{name}", value)
    with pytest.raises(SettingsError, match=said) as error:
        load(AccessSettings)
    assert "short" not in str(error.value)
