"""The pages of subscribers, served over a real socket on a real ClickHouse."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from fastapi import FastAPI

from schemas.alert import AlertChange
from services.alerts import pages
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.wecom import WeCom
from services.alerts.links import Links
from services.alerts.log import Log
from services.alerts.routing.store import Store
from services.alerts.routing.subscriber import Address, Subscriber
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.web import listen
from tests.alerts.changes import changed
from tests.alerts.figures import PLAN
from tests.support.ports import free_port

SECRET = "0123456789abcdef0123456789abcdef"
ROBOT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=very-secret"


@dataclass
class Office:
    """Pages, and who has them."""

    settings: Common
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    stands: dict[UUID, AlertChange] = field(default_factory=dict)
    """How alerts stand by now, where not as they began."""

    def __post_init__(self) -> None:
        self.clickhouse = ClickHouse(self.settings)
        self.store, self.log = Store(self.clickhouse), Log(self.clickhouse)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.links = Links(self.url, [SECRET])
        app = FastAPI()
        relay = Relay("127.0.0.1", 1, "none", "", None)  # type: ignore[arg-type]  # nothing is sent here
        channels = {"mail": Mail(relay, "minmai@county.example"), "wecom": WeCom()}
        pages.install(
            app,
            PLAN,
            self.clickhouse,
            links=self.links,
            channels=channels,
            current=lambda change: self.stands.get(change.alert_id, change),
            now=lambda: self.now,
        )
        config = uvicorn.Config(app, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign]  # not the main thread
        listening = listen("127.0.0.1", self.port, "alerts")
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.clickhouse.close()

    def subscribe(self, id: str = "li", **wanted: Any) -> str:
        """Subscribe somebody; returns the link."""
        said = {
            "id": id,
            "name": "李娜",
            "channels": [
                Address(channel="mail", address=f"{id}@county.example"),
                Address(channel="wecom", address=ROBOT),
            ],
            **wanted,
        }
        self.store.subscribe(Subscriber.model_validate(said), "test")
        link = self.links.link(id)
        assert link is not None
        return link

    def fires(self, **fields: Any) -> AlertChange:
        """Let an alert fire."""
        change = changed(**fields)
        self.log.write([change])
        return change

    def get(self, link: str) -> httpx.Response:
        return httpx.get(link, timeout=20)

    def post(self, link: str, **form: Any) -> httpx.Response:
        return httpx.post(link, data=form, timeout=20)

    def api(self, method: str, link: str, path: str = "", **more: Any) -> httpx.Response:
        """Ask the API with a link's token."""
        headers = {"Authorization": f"Bearer {link.rpartition('/')[2]}"}
        return httpx.request(method, f"{self.url}/v1/my{path}", headers=headers, timeout=20, **more)
