"""The upload page, for people without a shell: one page, and what it needs, from this service alone.

It pushes through the same routes as every other client, with the key that is typed into it.
"""

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, request_response
from starlette.staticfiles import StaticFiles

from services.platform.web import SecureHeaders

STATIC = Path(__file__).parent / "static"


async def _page(_request: Request) -> Response:
    # A key is typed here: no other page may show this one inside itself.
    return FileResponse(STATIC / "index.html", headers={"X-Frame-Options": "DENY"})


def install(app: FastAPI) -> None:
    """Serve the page at / and its files below /static, with the headers of pages, which pushes need not."""
    page = Route("/", SecureHeaders(request_response(_page)), methods=["GET"])
    app.router.routes.append(page)
    app.mount("/static", SecureHeaders(StaticFiles(directory=STATIC)))
