"""A sheet as the answer to a request."""

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Annotated, Any
from urllib.parse import quote

from fastapi import Query
from fastapi.responses import StreamingResponse

from services.board.sheets.files import ROWS, FileFormat, TooLong, write
from services.board.sheets.sheet import Sheet
from services.platform.errors import Unavailable
from services.platform.problems import invalid

Format = Annotated[
    FileFormat | None,
    Query(description="下载为表格，不写则为 JSON · as a sheet to download; JSON without it"),
]
TYPES: dict[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DOWNLOADS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""What a route that has downloads may answer beside its JSON."""
AT_ONCE = 4
"""Files that are made at the same time."""

_IN_MEMORY = 1_000_000
_CHUNK = 64 * 1024
_making = BoundedSemaphore(AT_ONCE)


def download(kind: FileFormat, sheet: Callable[[], Sheet]) -> StreamingResponse:
    """Return the answer that brings a sheet, made whole before its first byte is sent: none is ever cut off.

    It blocks. Raises 422 if the sheet has too many rows, and Unavailable if too many are being made.
    """
    if not _making.acquire(blocking=False):
        raise Unavailable(
            f"正在生成 {AT_ONCE} 个文件，请稍后再试 · {AT_ONCE} files are being made: try again soon"
        )
    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # it is closed when it has been sent
    try:
        made = sheet()
        write(made, kind, file)
    except TooLong:
        file.close()
        raise invalid(
            "format",
            f"超过 {ROWS} 行，请选更小的地区，或用 cursor 逐页读取 JSON",
            f"more than {ROWS} rows: choose a smaller place, or page through the JSON",
        ) from None
    except BaseException:
        file.close()
        raise
    finally:
        _making.release()
    size = file.tell()
    file.seek(0)
    names = f"filename=\"{made.plain_name(kind)}\"; filename*=UTF-8''{quote(made.name(kind), safe='')}"
    headers = {"Content-Disposition": f"attachment; {names}", "Content-Length": str(size)}
    return StreamingResponse(_chunks(file), headers=headers, media_type=TYPES[kind])


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
