"""Clients on real sockets that send a byte now and then, or nothing: they are let go, and hinder nobody."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import httpx
import pytest

from services.ingest.agencies import add
from tests.ingest.support import Service, voucher

DEADLINE = 30.0
DRIP = 0.05


class Gateway:
    """Ingest as a process, its broker away, and an agency that may have two pushes under way."""

    def __init__(self, folder: Path) -> None:
        self.key = add(folder / "agencies.json", "commerce", ["consumption-voucher"], ["532622"])
        self.service = Service(
            "127.0.0.1:1",
            folder,
            MINMAI_HEAD_WAIT="1",
            MINMAI_BODY_WAIT="1",
            MINMAI_BODY_LEAST_PACE="1000",
            MINMAI_AGENCY_PUSHES_AT_ONCE="2",
        )
        self.service.start(ready=False)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.service.port), DEADLINE)

    def head(self, length: int, key: str | None = None) -> bytes:
        return (
            f"POST /v1/streams/consumption-voucher HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            f"{key or self.key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def push(self) -> httpx.Response:
        return httpx.post(
            f"{self.service.url}/v1/streams/consumption-voucher",
            headers={"authorization": f"Bearer {self.key}"},
            json=[voucher()],
            timeout=DEADLINE,
        )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    found = Gateway(tmp_path_factory.mktemp("slow"))
    yield found
    found.service.kill()


def drip(client: socket.socket, byte: bytes) -> bytes:
    """Send a byte now and then until the server closes; return all it said."""
    said = b""
    client.settimeout(DRIP)
    end = monotonic() + DEADLINE
    while monotonic() < end:
        try:
            piece = client.recv(65_536)
            if not piece:
                return said
            said += piece
        except TimeoutError:
            pass
        except ConnectionResetError:
            return said
        try:
            client.sendall(byte)
        except (BrokenPipeError, ConnectionResetError):
            client.settimeout(DEADLINE)
            try:
                return said + client.recv(65_536)
            except ConnectionResetError:
                return said
    pytest.fail(f"still connected; it said {said!r}")


def test_a_body_a_byte_now_and_then_is_408(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(gateway.head(1_000_000))
        said = drip(client, b" ")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "too_slow"


def test_a_body_that_does_not_come_is_408(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(gateway.head(10) + b"[")
        assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"POST /v1/events HTTP/1.1\r\nX: "])
def test_a_head_that_does_not_come_is_closed(gateway: Gateway, sent: bytes) -> None:
    with gateway.connect() as client:
        client.sendall(sent)
        assert client.recv(1) == b""


def test_a_head_a_byte_now_and_then_is_closed(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(b"POST /v1/events HTTP/1.1\r\nX: ")
        assert drip(client, b"x") == b""


def test_the_body_of_a_push_that_was_refused_at_once_is_not_waited_for(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(gateway.head(1_000_000, "unknown"))
        assert drip(client, b" ").startswith(b"HTTP/1.1 401 ")


def test_slow_clients_hold_the_pushes_of_their_agency_and_only_until_they_are_let_go(
    gateway: Gateway,
) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(gateway.connect()) for _ in range(50)]
        for client in slow:
            client.sendall(gateway.head(1_000_000) + b"[")
        statuses = [client.recv(12)[-3:] for client in slow]
        assert sorted(statuses) == [b"408"] * 2 + [b"429"] * 48
        assert gateway.service.get("/healthz").status_code == 200
    assert gateway.push().status_code == 503  # not 429: their places are free again


def test_a_connection_is_kept_between_requests(gateway: Gateway) -> None:
    """The wait for a head is not the wait for the next request."""
    kept = HTTPConnection("127.0.0.1", gateway.service.port, timeout=DEADLINE)
    with closing(kept), gateway.connect() as other:
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        connection = kept.sock
        assert other.recv(1) == b""  # the wait for a head has passed
        kept.request("GET", "/healthz")
        assert kept.getresponse().status == 200
        assert kept.sock is connection


@pytest.mark.parametrize(
    ("key", "megabytes", "status"), [("unknown", 8, 401), (None, 8, 503), (None, 40, 413)]
)
def test_who_sends_everything_before_reading_hears_why_it_was_refused(
    gateway: Gateway, key: str | None, megabytes: int, status: int
) -> None:
    """Such as Python's urllib, which asks for the connection to be closed: it must not be reset instead."""
    request = urllib.request.Request(
        f"{gateway.service.url}/v1/streams/consumption-voucher",
        data=b"[" + b" " * (megabytes * 1_000_000) + b"]",
        headers={"Authorization": f"Bearer {key or gateway.key}", "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=DEADLINE)
    assert caught.value.code == status
    assert json.load(caught.value)["detail"]
