"""An ingest made up for the push command: it says what the test wants and keeps what it was sent."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from cli.push.display import Display
from cli.push.gateway import Gateway
from cli.push.sender import Sender

URL = "http://ingest.example"
KEY = "minmai_test"


def body(request: httpx.Request) -> bytes:
    """The body of a request, unpacked."""
    content = request.read()
    return gzip.decompress(content) if request.headers.get("content-encoding") == "gzip" else content


def lines(request: httpx.Request) -> list[bytes]:
    return body(request).split(b"\n")


def answer(received: int, *wrong: int, **more: Any) -> httpx.Response:
    """The answer to a push of so many records, of which these are wrong."""
    errors = [
        {"index": at, "id": "", "code": "invalid_field", "field": "x", "message": "错 · wrong"}
        for at in wrong
    ]
    content = {
        "receipt": "r-1",
        "received": received,
        "accepted": received - len(wrong),
        "duplicate": 0,
        "rejected": len(wrong),
        "errors": errors,
        **more,
    }
    status = 200 if not wrong else 400 if len(wrong) == received else 207
    return httpx.Response(status, json=content)


Reply = Callable[[httpx.Request], httpx.Response]


class Ingest:
    """Replies as told; without anything told, every line that has `wrong` in it is refused."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.replies: list[Reply | httpx.Response | Exception] = []
        self.paused: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        if not self.replies:
            return self.judged(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else reply(request)

    @staticmethod
    def judged(request: httpx.Request) -> httpx.Response:
        dry = {"dry_run": True, "receipt": ""} if request.url.params.get("dry_run") else {}
        if request.headers["content-type"] == "application/json":
            found = [json.dumps(one).encode() for one in json.loads(body(request))]
        else:
            found = lines(request)
        return answer(len(found), *(at for at, line in enumerate(found) if b"wrong" in line), **dry)

    def sender(self, *, states: Path | None = None, dry_run: bool = False, patience: float = 600) -> Sender:
        gateway = Gateway(
            *(URL, KEY),
            dry_run=dry_run,
            patience=patience,
            sleep=self.paused.append,
            transport=httpx.MockTransport(self),
        )
        return Sender(gateway, Display(quiet=True), states, keep=not dry_run)
