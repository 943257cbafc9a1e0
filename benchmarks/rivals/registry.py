"""Who is measured beside minmai, how each is started, and what each promises."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """One rival written in Python."""

    name: str
    command: tuple[str, ...]
    """What its interpreter is given, in the folder `programs`."""
    guarantees: str
    packages: tuple[str, ...] = ()
    """What its own environment needs; without any it runs in minmai's."""


OURS = (
    "each (source, id) counted once, also across crashes and rebalances; contract checked, unreadable and"
    " conflicting records to dead letters; receipts; live figures with history"
)
_AT_LEAST_ONCE = "at least once: a batch whose commit is lost, or a record sent twice, counts twice"
_TARGET = ("clickhouse-driver", "orjson")

RIVALS = {
    "quix": Rival("Quix Streams", ("quix.py",), _AT_LEAST_ONCE, ("quixstreams", *_TARGET)),
    "bytewax": Rival(
        "Bytewax",
        ("-m", "bytewax.run", "bytewax_flow:flow"),
        "none without a recovery store, which is not set up here: begins anew after a crash",
        ("bytewax[kafka]", *_TARGET),
    ),
    "pathway": Rival(
        "Pathway",
        ("pathway_table.py",),
        "none without persistence, which is not set up here: begins anew after a crash",
        ("pathway", *_TARGET),
    ),
    "faust": Rival(
        "Faust, one record at a time",
        ("faust_agent.py", "worker", "--loglevel=warn"),
        "an event is acknowledged before it is inserted: a crash loses what has gathered",
    ),
    "loop": Rival("confluent-kafka + orjson + clickhouse-driver", ("loop.py",), _AT_LEAST_ONCE),
}
KAFKA_ENGINE = "kafka-engine"
"""ClickHouse's own, which is no program: `tables.QUEUE`."""
ENGINE = _AT_LEAST_ONCE
