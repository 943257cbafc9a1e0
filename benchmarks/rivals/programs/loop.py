"""A loop by hand: confluent-kafka, orjson, clickhouse-driver; the offset is committed after the insert.

https://docs.confluent.io/kafka-clients/python/current/overview.html#synchronous-commits
"""

import orjson
from confluent_kafka import Consumer, KafkaException
from target import BATCH, GROUP, KAFKA, TOPIC, insert

consumer = Consumer(
    {
        "bootstrap.servers": KAFKA,
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([TOPIC])
while True:
    messages = consumer.consume(BATCH, timeout=1.0)
    for message in messages:
        if message.error():
            raise KafkaException(message.error())
    if messages:
        insert([orjson.loads(message.value()) for message in messages])
        consumer.commit(asynchronous=False)
