"""Settings of ingest."""

from pathlib import Path

from pydantic import Field

from services.platform.settings import Common

RECORDS_A_REQUEST = 2_000
BYTES_A_REQUEST = 10_000_000
"""Counted after decompression; as compressed it may not be larger either."""
BYTES_A_RECORD = 1_000_000
LEVELS_A_RECORD = 32
"""How deep JSON may be nested, the record itself being the first level."""
GZIP_RATIO = 100
"""A body may be so many times larger than its gzip; below RATIO_FREE_BYTES it may be anything."""
RATIO_FREE_BYTES = 1_000_000


class AgenciesSettings(Common):
    """Where the agencies are."""

    agencies: Path = Field(Path("data/agencies.json"), description="file of the agencies and their keys")


class IngestSettings(AgenciesSettings):
    """What ingest needs to know beyond the common settings."""

    ingest_port: int = Field(8100, ge=0, le=65535, description="HTTP port")
    journal: Path | None = Field(
        None, description="folder of the journal; for a broker whose log is in memory. Unset: no journal"
    )
    journal_segment_bytes: int = Field(16_000_000, ge=1_000, description="a segment file ends at this size")
    write_timeout: float = Field(
        8.0, gt=0, description="seconds a push waits for the broker before it is answered 503"
    )
    known_wait: float = Field(
        0.2,
        ge=0,
        description="seconds a push waits for ClickHouse to say what was counted before; 0: not asked",
    )
    known_memory: int = Field(
        256_000_000,
        ge=1_000_000,
        description="bytes at most to remember what was counted before, 4 a record, more for growth; "
        "with more records than fit, ClickHouse is asked more often",
    )
    agency_pushes_per_second: float = Field(1_000, gt=0, description="pushes an agency may make a second")
    agency_pushes_burst: float = Field(5_000, ge=1, description="and at once, after a time without any")
    agency_records_per_second: float = Field(
        10_000, gt=0, description="records an agency may push a second; its own topic is read no faster"
    )
    agency_records_burst: float = Field(200_000, ge=1, description="and at once, after a time without any")
    agency_pushes_at_once: int = Field(32, ge=1, description="pushes of an agency that may be under way")
    head_wait: float = Field(10.0, gt=0, description="seconds until the head of a request must be there")
    body_wait: float = Field(15.0, gt=0, description="seconds a body may pause, and lag behind its pace")
    body_least_pace: float = Field(4_000, gt=0, description="bytes a second of a body, at the least")
