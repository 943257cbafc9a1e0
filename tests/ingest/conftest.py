"""A gateway to push to: the application in this process, on the shared broker."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.ingest.app import create_app
from services.ingest.settings import IngestSettings
from services.platform.topics import ensure_topics
from tests.ingest.support import PLAN
from tests.support.brokers import Broker
from tests.support.waiting import eventually_async


class Gateway:
    """The application, and a client that has the key of an agency which may push everything."""

    def __init__(self, client: httpx.AsyncClient, settings: IngestSettings, bootstrap: str) -> None:
        self.client = client
        self.settings = settings
        self.bootstrap = bootstrap
        self.agency = f"commerce-{secrets.token_hex(4)}"
        self.key = self.add_agency(self.agency, STREAMS, ["532622"])

    def add_agency(self, name: str, streams: object, divisions: list[str]) -> str:
        return add(self.settings.agencies, name, streams, divisions)

    async def push(
        self,
        content: object = None,
        *,
        stream: str | None = "consumption-voucher",
        key: str | None = None,
        body: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """POST JSON `content` or the very `body`; without a stream to /v1/events."""
        sent = {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v1/streams/{stream}" if stream else "/v1/events"
        if body is None:
            body = httpx.Request("POST", "http://x", json=content).content
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        return await self.client.post(path, content=body, headers=encoded)


@pytest.fixture
async def gateway(broker: Broker, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that is ready."""
    ensure_topics(broker.bootstrap)
    settings = IngestSettings(kafka=broker.bootstrap, plan=PLAN, agencies=tmp_path / "agencies.json")
    async with running(settings) as ready:
        yield ready


@asynccontextmanager
async def running(settings: IngestSettings, *, ready: bool = True) -> AsyncIterator[Gateway]:
    """A gateway on these settings, once it is `ready` (if it can be)."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ingest") as client,
    ):

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        if ready:
            await eventually_async(is_ready, 20, "ingest is ready")
        yield Gateway(client, settings, settings.kafka)
