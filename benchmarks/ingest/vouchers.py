"""Voucher records as agencies send them, and requests with them as the bytes that go over the wire.

Record `number` of a run says so in its voucher id, `{run}-{number}`: what lies on the topic afterwards can be
told from what other runs left there. Every second record has an id of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from schemas.streams import STREAMS

STREAM = STREAMS["consumption-voucher"]
DIVISION = "532622"

_STEPS = ("issued", "claimed", "redeemed", "redeemed")
_SECTORS = ("catering", "retail", "lodging", "tourism", "culture_sports", "household")
_SECONDS = [
    f"{hour:02}:{minute:02}:{second:02}" for hour in range(24) for minute in range(60) for second in range(60)
]


def record(run: str, number: int) -> dict[str, Any]:
    """Return one plain record."""
    step = _STEPS[number % 4]
    plain: dict[str, Any] = {
        "voucher_id": f"{run}-{number}",
        "campaign": "qihua" if number % 3 else "qixiang",
        "step": step,
        "face_value": "50.00",
        "sector": _SECTORS[number % 6],
        "division": f"{DIVISION}{101 + number % 4}",
        "time": f"2024-05-{1 + number % 30:02}T{_SECONDS[number % 86_400]}+08:00",
    }
    if step == "redeemed":
        plain |= {
            "order_amount": f"{50 + number % 400}.80",
            "redeemed_value": "50.00",
            "merchant_id": f"M{DIVISION}{number % 3_000:06}",
        }
    if number % 2:
        plain["id"] = f"yanshan-commerce-{run}-{number}"
    return plain


def bodies(run: str, requests: int, records: int) -> Iterator[bytes]:
    """Yield JSON bodies: a single object each, or an array of so many `records`."""
    for request in range(requests):
        first = request * records
        if records == 1:
            yield orjson.dumps(record(run, first))
        else:
            yield orjson.dumps([record(run, number) for number in range(first, first + records)])


def requests(run: str, number: int, records: int, keys: Sequence[str]) -> list[bytes]:
    """Return whole HTTP requests, the agencies in turn."""
    return [request(body, keys[place % len(keys)]) for place, body in enumerate(bodies(run, number, records))]


def request(body: bytes, key: str, media_type: str = "application/json") -> bytes:
    """Return one push as it goes over the wire."""
    head = (
        f"POST /v1/streams/{STREAM.name} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\nUser-Agent: minmai-benchmark\r\nAccept: */*\r\n"
        f"Authorization: Bearer {key}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
