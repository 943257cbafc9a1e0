"""What the board tells Prometheus."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas import metrics as declared
from services.board.hub import Hub
from services.platform.metrics import Registry


class Metrics:
    """The metrics of one board."""

    def __init__(self, hub: Hub) -> None:
        registry = self._registry = Registry()
        registry.gauge(declared.BOARD_PAGES).set_function(lambda: hub.pages)
        registry.gauge(declared.BOARD_CONNECTED).set_function(lambda: hub.source.connected)
        self.unreadable = registry.counter(declared.BOARD_UNREADABLE)
        self.panel_answers = registry.counter(declared.BOARD_PANEL_ANSWERS)
        self.panel_seconds = registry.histogram(declared.BOARD_PANEL_SECONDS)
        self.response_seconds = registry.histogram(declared.BOARD_RESPONSE_SECONDS)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return self._registry.text()


class Timed:
    """ASGI middleware: takes the time to the beginning of each answer, by route and kind of status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._seconds = metrics.response_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
                self._seconds.labels(_route(scope), status).observe(perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_timed if scope["type"] == "http" else send)


def _route(scope: Scope) -> str:
    """Return the path as it was declared: what stands in its place in a request may be anything."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "other")
