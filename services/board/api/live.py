"""Answers about now: every open page asks for them, and all at once when a connection comes back."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from fastapi import Request, Response
from pydantic import TypeAdapter

from services.board.body import Body
from services.board.shared import Shared

Told = TypeVar("Told")


class Live:
    """Makes each answer once for all who ask for it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def answer(
        self, request: Request, question: Hashable, kind: type[Told], make: Callable[[], Told]
    ) -> Response:
        """Return the answer to a question; `make` blocks, and tells it as a `kind`."""

        def made() -> Body:
            body = Body(TypeAdapter(kind).dump_json(make(), by_alias=True))
            _compressed = body.packed  # here, in this thread, for all who will take it
            return body

        body, _shared = await self._shared.get(question, made)
        return body.answer(request)
