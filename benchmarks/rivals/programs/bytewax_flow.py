"""Bytewax: its Kafka connector, a map, and a DynamicSink that writes what it is given as one batch.

https://docs.bytewax.io/stable/guide/concepts/kafka.html
https://docs.bytewax.io/stable/guide/advanced-concepts/custom-connectors.html
"""

from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from target import BATCH, KAFKA, TOPIC, insert


class _Partition(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        insert(items)


class ClickHouseSink(DynamicSink[Any]):
    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> _Partition:
        return _Partition()


flow = Dataflow("vouchers")
source = kop.input("kafka", flow, brokers=[KAFKA], topics=[TOPIC], batch_size=BATCH)
op.output(
    "clickhouse", op.map("json", source.oks, lambda message: orjson.loads(message.value)), ClickHouseSink()
)
