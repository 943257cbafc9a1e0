"""Quix Streams: a StreamingDataFrame into a BatchingSink, which is flushed with each checkpoint.

https://quix.io/docs/quix-streams/connectors/sinks/custom-sinks.html
https://quix.io/docs/quix-streams/configuration.html (commit_every)
"""

from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch
from target import BATCH, GROUP, KAFKA, TOPIC, insert


class ClickHouseSink(BatchingSink):
    def write(self, batch: SinkBatch) -> None:
        for items in batch.iter_chunks(BATCH):
            insert([item.value for item in items])


app = Application(
    broker_address=KAFKA,
    consumer_group=GROUP,
    auto_offset_reset="earliest",
    auto_create_topics=False,
    commit_every=BATCH,
    commit_interval=1.0,
)
app.dataframe(app.topic(TOPIC, value_deserializer="json")).sink(ClickHouseSink())
app.run()
