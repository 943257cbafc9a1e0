"""Pathway: pw.io.kafka.read with a schema over JSON paths, and pw.io.subscribe, an insert each minibatch.

Its own ClickHouse connector (pw.io.clickhouse.write) asks for a licence key; without, there is subscribe.
https://pathway.com/developers/user-guide/connectors/kafka_connectors
https://pathway.com/developers/api-docs/pathway-io/#pathway.io.subscribe
"""

from typing import Any

import pathway as pw
from target import BATCH, GROUP, KAFKA, TOPIC, insert

IN_DATA = (
    *("campaign", "step", "face_value", "order_amount", "redeemed_value", "merchant_id"),
    *("sector", "division"),
)


class Voucher(pw.Schema):
    event_id: str
    source: str
    subject: str
    time: str
    receivedtime: str
    receipt: str
    campaign: str
    step: str
    face_value: str
    order_amount: str | None
    redeemed_value: str | None
    merchant_id: str | None
    sector: str
    division: str


pending: list[dict[str, Any]] = []


def keep(key: pw.Pointer, row: dict[str, Any], time: int, is_addition: bool) -> None:
    pending.append(row)


def write(time: int) -> None:
    for start in range(0, len(pending), BATCH):
        insert([row | {"id": row["event_id"], "data": row} for row in pending[start : start + BATCH]])
    pending.clear()


table = pw.io.kafka.read(
    {"bootstrap.servers": KAFKA, "group.id": GROUP, "auto.offset.reset": "earliest"},
    topic=TOPIC,
    schema=Voucher,
    format="json",
    json_field_paths={"event_id": "/id"} | {name: f"/data/{name}" for name in IN_DATA},
)
pw.io.subscribe(table, on_change=keep, on_time_end=write)
pw.run(monitoring_level=pw.MonitoringLevel.NONE)
