"""Signing in to a board that runs: cookies, what nobody learns, what ends a session, what is kept of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.platform import clickhouse as platform
from services.platform.access import users
from services.platform.access.identity import ROLES
from services.platform.errors import StartError
from services.platform.settings import Common
from tests.board.county import write_alerts
from tests.board.running import Events, RunningBoard, following
from tests.support.brokers import Broker
from tests.support.waiting import eventually

PASSWORDS = {role: f"a-{role[:2]}-green-mountain" for role in ROLES}
SECRET = "kept-in-this-test-only-0123456789abcdef"
COOKIE = "minmai-session"
WAIT_SECONDS = 30.0
FIRING = UUID(int=0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("access") / "users.json"
    for role in ROLES:
        users.add(path, f"the-{role}", role, PASSWORDS[role])
    return path


@contextmanager
def running(settings: Common, folder: Path, **more: str) -> Iterator[RunningBoard]:
    board = RunningBoard(
        settings, folder / "board.log", more={f"MINMAI_{name.upper()}": value for name, value in more.items()}
    )
    board.start()
    yield board
    board.stop()


@pytest.fixture(scope="module")
def closed(
    county: Common, board_broker: Broker, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBoard]:
    """The shared county's board, on which one signs in; each test asks from an address of its own."""
    more = {
        "sign_in": "password",
        "users": str(file),
        "session_secret": SECRET,
        "trusted_proxies": "127.0.0.1",
    }
    with running(following(county, board_broker), tmp_path_factory.mktemp("closed"), **more) as board:
        yield board


class Visitor(httpx.Client):
    """A browser at an address, as the proxy in front says."""

    def __init__(self, board: RunningBoard, address: str) -> None:
        super().__init__(
            base_url=board.url,
            headers={"Origin": board.url, "X-Forwarded-For": address},
            timeout=WAIT_SECONDS,
        )

    def sign_in(self, name: str, password: str, **more: Any) -> httpx.Response:
        return self.post("/v1/session", json={"name": name, "password": password, **more})

    def as_role(self, role: str) -> "Visitor":
        assert self.sign_in(f"the-{role}", PASSWORDS[role]).status_code == 200  # type: ignore[index]
        return self


@pytest.fixture
def visitor(closed: RunningBoard, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with Visitor(closed, f"10.1.{abs(hash(request.node.name)) % 250}.7") as found:
        yield found


def test_nothing_of_the_county_is_seen_before_one_signs_in(visitor: Visitor) -> None:
    for path in ("/v1/indicators", "/v1/alerts", "/v1/stream", "/v1/me", "/openapi.json", "/v1/nothing"):
        answer = visitor.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["status"] == 401
    page = visitor.get("/?lang=zh", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Location"]) == (303, "/sign-in?next=%2F%3Flang%3Dzh")
    assert visitor.get("/wall", headers={"Accept": "text/html"}).status_code == 303
    public = ("/public", "/v1/public/indicators", "/v1/public/indicators?format=csv")
    for path in ("/sign-in", "/healthz", "/readyz", "/static/board.js", *public):
        assert visitor.get(path).status_code == 200
    assert set(visitor.get("/v1/session").json()) == {"county", "time_zone", "synthetic"}
    assert "frame-ancestors 'self'" in visitor.get("/sign-in").headers["Content-Security-Policy"]


def test_a_session_is_in_a_cookie_that_no_script_reads(visitor: Visitor) -> None:
    answer = visitor.sign_in("the-viewer", PASSWORDS["viewer"], next="/?lang=en")
    assert answer.json() == {"next": "/?lang=en"}
    [cookie] = answer.headers.get_list("Set-Cookie")
    value, *flags = cookie.split("; ")
    assert value.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"} == set(flags)
    assert visitor.get("/v1/me").json() == {"name": "the-viewer", "role": "viewer", "sign_in": "password"}
    assert visitor.get("/v1/indicators").status_code == 200
    assert visitor.get("/sign-in?next=//evil.example").headers["Location"] == "/"


@pytest.mark.parametrize("next", ["//evil.example/x", "https://evil.example", "/\\evil.example"])
def test_after_signing_in_one_is_led_to_no_other_site(visitor: Visitor, next: str) -> None:
    assert visitor.sign_in("the-viewer", PASSWORDS["viewer"], next=next).json() == {"next": "/"}


def test_where_people_come_by_tls_the_cookie_goes_by_tls_alone(
    county: Common, board_broker: Broker, file: Path, tmp_path: Path
) -> None:
    url = "https://board.example"
    more = {"sign_in": "password", "users": str(file), "session_secret": SECRET, "board_url": url}
    with running(following(county, board_broker), tmp_path, **more) as board:
        given = {"name": "the-viewer", "password": PASSWORDS["viewer"]}
        answer = httpx.post(f"{board.url}/v1/session", json=given, headers={"Origin": url})
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-minmai=")
        assert "; Secure" in cookie
        assert "Domain" not in cookie


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(closed: RunningBoard) -> None:
    def tried(name: str, number: int) -> httpx.Response:
        with Visitor(closed, f"10.2.{number}.1") as one:
            return one.sign_in(name, "some-wrong-password")

    known, unknown = tried("the-viewer", 1), tried("nobody-at-all", 2)
    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text
    assert known.headers.keys() == unknown.headers.keys()
    assert "Set-Cookie" not in known.headers


def test_passwords_are_not_to_be_guessed(visitor: Visitor) -> None:
    answers = [visitor.sign_in("the-admin", f"guess-number-{n}") for n in range(6)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    assert visitor.sign_in("the-admin", PASSWORDS["admin"]).status_code == 429
    assert visitor.sign_in("the-viewer", PASSWORDS["viewer"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b'{"name": "x"}', 422),
        (b'{"name": "the-viewer", "password": {"$ne": ""}}', 422),
        (b'{"name": "the-viewer", "password": "green-mountain-47", "more": 1}', 422),
        (b'{"name": "' + b"x" * 5_000 + b'"}', 413),
        (b"\xff\xfe", 422),
    ],
)
def test_what_is_no_name_and_password_is_not_told_again(visitor: Visitor, body: bytes, status: int) -> None:
    answer = visitor.post("/v1/session", content=body)
    assert answer.status_code == status
    assert "mountain" not in answer.text
    assert "xxxx" not in answer.text


def test_another_sites_form_signs_nobody_in_or_out(visitor: Visitor) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": ""}):
        given = {"name": "the-viewer", "password": PASSWORDS["viewer"]}
        assert visitor.post("/v1/session", json=given, headers=headers).status_code == 403
    visitor.as_role("viewer")
    assert visitor.delete("/v1/session", headers={"Origin": "https://evil.example"}).status_code == 403
    assert visitor.get("/v1/me").status_code == 200


def test_a_session_ends_on_the_server_when_one_signs_out(visitor: Visitor) -> None:
    visitor.as_role("viewer")
    stolen = {COOKIE: visitor.cookies[COOKIE]}
    out = visitor.delete("/v1/session")
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    assert visitor.get("/v1/me").status_code == 401
    assert httpx.get(f"{visitor.base_url}/v1/me", cookies=stolen).status_code == 401


def test_signing_in_makes_another_session_and_ends_the_one_before(visitor: Visitor) -> None:
    visitor.cookies.set(COOKIE, "chosen-by-somebody-else", domain="127.0.0.1")
    visitor.as_role("viewer")
    first = visitor.cookies[COOKIE]
    assert first != "chosen-by-somebody-else"
    visitor.as_role("operator")
    assert visitor.get("/v1/me").json()["role"] == "operator"
    assert httpx.get(f"{visitor.base_url}/v1/me", cookies={COOKIE: first}).status_code == 401


def test_one_changes_ones_own_password_and_all_other_sessions_end(visitor: Visitor, file: Path) -> None:
    users.add(file, "wang", "viewer", "first-password-1")
    visitor.sign_in("wang", "first-password-1")
    other = visitor.cookies[COOKIE]

    def change(old: str, new: str) -> int:
        return visitor.put("/v1/me/password", json={"old": old, "new": new}).status_code

    assert change("wrong-password-1", "second-password-2") == 403
    assert change("first-password-1", "short") == 422
    assert change("first-password-1", "second-password-2") == 204
    assert visitor.get("/v1/me").status_code == 200
    assert httpx.get(f"{visitor.base_url}/v1/me", cookies={COOKIE: other}).status_code == 401
    assert visitor.sign_in("wang", "first-password-1").status_code == 401
    users.remove(file, "wang")
    assert visitor.get("/v1/me").status_code == 401


def test_an_open_stream_ends_with_its_session(visitor: Visitor) -> None:
    visitor.as_role("viewer")
    with visitor.stream("GET", "/v1/stream") as response:
        events = Events(response)
        assert events.next()[0] == "source"
        assert visitor.delete("/v1/session").status_code == 204
        with pytest.raises(AssertionError, match="the stream has ended"):
            events.until("never sent")


# --- what operators do ------------------------------------------------------------------------------------


@pytest.fixture
def own(
    settings: Common, tables: platform.ClickHouse, board_broker: Broker, file: Path, tmp_path: Path
) -> Iterator[RunningBoard]:
    """A board with alerts in a database of this test's own, on which one signs in."""
    write_alerts(tables)
    more = {"sign_in": "password", "users": str(file), "session_secret": SECRET}
    with running(following(settings, board_broker), tmp_path, **more) as board:
        yield board


def test_operators_acknowledge_and_silence_and_it_is_known_who(
    own: RunningBoard, tables: platform.ClickHouse, tmp_path: Path
) -> None:
    path = f"/v1/alerts/{FIRING}/acknowledgement"
    now = datetime.now(UTC)
    wanted = {
        "alerts": [str(FIRING)],
        "reason": "works on the line",
        "author": "somebody else",
        "begins": now.isoformat(),
        "ends": (now + timedelta(hours=4)).isoformat(),
    }
    with Visitor(own, "10.3.0.1") as viewer:
        viewer.as_role("viewer")
        assert viewer.put(path, json={}).status_code == 403
        assert viewer.post("/v1/alerts/silences", json=wanted).status_code == 403
        assert str(FIRING) in [one["alert_id"] for one in viewer.get("/v1/alerts").json()["alerts"]]
    with Visitor(own, "10.3.0.2") as operator:
        operator.as_role("operator")
        assert operator.put(path, json={"note": "on it", "author": "x"}).status_code == 204
        assert tables.query("SELECT author, note FROM alert_ack") == [("the-operator", "on it")]
        assert operator.put(path.replace("0000", "ffff"), json={}).status_code == 404
        assert operator.request("DELETE", path, json={}).status_code == 204
        assert operator.post("/v1/alerts/silences", json={**wanted, "reason": ""}).status_code == 422
        made = operator.post("/v1/alerts/silences", json=wanted)
        assert (made.status_code, made.json()["author"]) == (201, "the-operator")
        assert operator.delete(f"/v1/alerts/silences/{made.json()['id']}").status_code == 200
        operator.delete("/v1/session")
    with Visitor(own, "10.3.0.3") as stranger:
        stranger.sign_in("my-password-typed-here", "x")

    def logged() -> list[tuple[Any, ...]]:
        return list(
            tables.query("SELECT action, outcome, name, role, remote, target FROM access_log ORDER BY at")
        )

    rows = eventually(logged, WAIT_SECONDS, "all is in the log", until=lambda rows: len(rows) == 12)
    here = "127.0.0.1"  # no proxy is trusted
    ack, silences = "/v1/alerts/{id}/acknowledgement", "/v1/alerts/silences"
    assert rows[:3] == [
        ("sign in", "done", "the-viewer", "viewer", here, ""),
        ("PUT", "refused", "the-viewer", "viewer", here, path),
        ("POST", "refused", "the-viewer", "viewer", here, silences),
    ]
    assert [row[:3] for row in rows[3:]] == [
        ("sign in", "done", "the-operator"),
        (f"PUT {ack}", "done", "the-operator"),
        (f"PUT {ack}", "refused", "the-operator"),
        (f"DELETE {ack}", "done", "the-operator"),
        (f"POST {silences}", "refused", "the-operator"),
        (f"POST {silences}", "done", "the-operator"),
        (f"DELETE {silences}/{{id}}", "done", "the-operator"),
        ("sign out", "done", "the-operator"),
        ("sign in", "refused", ""),
    ]
    text = (tmp_path / "board.log").read_text()
    assert "access: sign in" in text
    for secret in (*PASSWORDS.values(), "my-password-typed-here", SECRET, "works on the line"):
        assert secret not in text
        assert secret not in str(rows)


# --- without sign-in --------------------------------------------------------------------------------------


def test_without_sign_in_this_machine_is_let_in_and_a_strangers_page_is_not(board: RunningBoard) -> None:
    assert board.get("/v1/me")["sign_in"] == "none"
    assert httpx.get(f"{board.url}/sign-in").headers["Location"] == "/"
    refused = httpx.get(f"{board.url}/v1/indicators", headers={"Host": "evil.example"})
    assert refused.status_code == 421
    path = f"{board.url}/v1/alerts/{FIRING}/acknowledgement"
    assert httpx.put(path, json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    given = {"name": "x", "password": "y"}
    assert httpx.post(f"{board.url}/v1/session", json=given, headers={"Origin": board.url}).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_board_that_others_would_reach_does_not_start_without_sign_in(
    county: Common, tmp_path: Path, host: str
) -> None:
    board = RunningBoard(county, tmp_path / "board.log", more={"MINMAI_HOST": host})
    board.launch()

    def ended() -> str:
        try:
            board.alive()
        except StartError:
            return (tmp_path / "board.log").read_text()
        return ""

    told = eventually(ended, WAIT_SECONDS, "it has ended")
    board.stop()
    assert "StartError" in told
    assert "MINMAI_SIGN_IN=password" in told


def test_refused_records_are_for_operators_and_who_did_what_for_admins(closed: RunningBoard) -> None:
    ways = {
        "/v1/dead-letters/counts": "operator",
        "/v1/dead-letters?agency=a&stream=s&code=c": "operator",
        "/v1/users": "admin",
        "/v1/agencies": "admin",
        "/v1/access-log": "admin",
    }
    for number, role in enumerate(ROLES):
        with Visitor(closed, f"10.4.0.{number}") as visitor:
            visitor.as_role(role)
            for path, least in ways.items():
                allowed = ROLES.index(role) >= ROLES.index(least)  # type: ignore[arg-type]
                assert visitor.get(path).status_code == (200 if allowed else 403), (role, path)
            if role == "admin":
                told = visitor.get("/v1/users").text
                assert [one["name"] for one in visitor.get("/v1/users").json()["users"]] == [
                    f"the-{one}" for one in ROLES
                ]
                assert "argon2" not in told
