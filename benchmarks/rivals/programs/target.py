"""Where every rival written in Python puts its records: one columnar insert a batch.

The environment says where: RIVAL_KAFKA, RIVAL_TOPIC, RIVAL_CLICKHOUSE_PORT, RIVAL_DATABASE.
https://clickhouse-driver.readthedocs.io/en/latest/performance.html#what-about-inserts
"""

import os
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from clickhouse_driver import Client

KAFKA = os.environ["RIVAL_KAFKA"]
TOPIC = os.environ["RIVAL_TOPIC"]
GROUP = os.environ["RIVAL_DATABASE"]
BATCH = 10_000
"""Records an insert, where a rival lets one choose."""

_ENVELOPE = ("source", "id", "subject", "receipt")
_TEXTS = ("campaign", "step", "merchant_id", "sector", "division")
_MONEY = ("face_value", "order_amount", "redeemed_value")
_COLUMNS = ("time", "received_at", *_ENVELOPE, *_TEXTS, *_MONEY)
_INSERT = f"INSERT INTO consumption_voucher_log ({', '.join(_COLUMNS)}) VALUES"

_client = Client(
    "127.0.0.1",
    port=int(os.environ["RIVAL_CLICKHOUSE_PORT"]),
    database=os.environ["RIVAL_DATABASE"],
)


def insert(events: Sequence[dict[str, Any]]) -> None:
    """Put parsed CloudEvents into the log table."""
    data = [event["data"] for event in events]
    _client.execute(
        _INSERT,
        [
            [datetime.fromisoformat(event["time"]) for event in events],
            [datetime.fromisoformat(event["receivedtime"]) for event in events],
            *([event[name] for event in events] for name in _ENVELOPE),
            *([one[name] for one in data] for name in _TEXTS),
            *([None if one[name] is None else Decimal(one[name]) for one in data] for name in _MONEY),
        ],
        columnar=True,
    )
