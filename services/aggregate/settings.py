"""Settings of the aggregator."""

from pydantic import Field

from services.platform.retention import RetentionSettings


class AggregateSettings(RetentionSettings):
    """What the aggregator needs to know."""

    aggregate_port: int = Field(8103, ge=1, le=65535, description="port of /healthz, /readyz and /metrics")
    block_records: int = Field(
        25_000, ge=1, le=500_000, description="most records in one block; of a backlog three are in memory"
    )
    counted_memory: int = Field(
        64,
        ge=1,
        le=65_536,
        description="MB of memory for the identities of each stream, enough for some 16 million; beyond that "
        "ClickHouse is asked about more and more records",
    )
    block_interval_ms: int = Field(
        200,
        ge=0,
        le=60_000,
        description="time from one round of blocks to the next of the same streams, less where more than "
        "2,500 records a second come: small inserts cost ClickHouse parts",
    )
    stuck_seconds: float = Field(
        120,
        ge=1,
        le=86_400,
        description="after how long without progress, though records wait and ClickHouse is there, a worker "
        "is called stuck: /readyz and minmai_aggregate_stuck say so; a call of ClickHouse may take 60 s",
    )
    stuck_restart_seconds: float = Field(
        240,
        ge=1,
        le=86_400,
        description="after how long a stuck worker ends itself, with exit code 75, to be started anew",
    )
    aggregate_instance: str = Field(
        "",
        max_length=200,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="a name of this worker's own, the same after a restart (static membership): one that is "
        "back within the session timeout finds its partitions as it left them; empty: none, partitions go to "
        "the others as soon as it ends",
    )
    session_timeout_ms: int = Field(
        10_000,
        ge=1_000,
        le=300_000,
        description="how long a silent worker keeps its partitions; the embedded broker lets a group wait "
        "half of it whenever a worker joins, so the one-machine default sets 3000",
    )
    rebalance_timeout_ms: int = Field(
        10_000, ge=1_000, le=300_000, description="how long the others wait for a worker when partitions move"
    )
