"""An answer that many are given: its JSON, tag and compressed form are made once for all of them."""

import gzip
from functools import cached_property
from hashlib import blake2b

from fastapi import Request, Response

_WORTH_COMPRESSING = 1_000
_JSON = "application/json"


class Body:
    """JSON with an ETag: who has it already is told so (304)."""

    def __init__(self, content: bytes, tagged: bytes | None = None) -> None:
        """`tagged` are the bytes whose change makes it another answer; None: the whole content."""
        self._content = content
        self._tag = f'"{blake2b(content if tagged is None else tagged, digest_size=12).hexdigest()}"'

    @cached_property
    def packed(self) -> bytes | None:
        """The content by gzip; None if that is not worth it."""
        return gzip.compress(self._content, 5) if len(self._content) >= _WORTH_COMPRESSING else None

    def answer(self, request: Request) -> Response:
        """Return what `request` is to be given."""
        headers = {"ETag": self._tag, "Vary": "Accept-Encoding"}
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if self.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=_JSON)
        return Response(self._content, headers=headers, media_type=_JSON)
