"""Settings of ingest."""

from pathlib import Path

from pydantic import Field

from services.platform.settings import Common

RECORDS_A_REQUEST = 2_000
BYTES_A_REQUEST = 10_000_000
"""Counted after decompression."""
BYTES_A_RECORD = 1_000_000


class IngestSettings(Common):
    """What ingest needs to know beyond the common settings."""

    ingest_port: int = Field(8100, ge=0, le=65535, description="HTTP port")
    agencies: Path = Field(Path("data/agencies.json"), description="file of the agencies and their keys")
    journal: Path | None = Field(
        None, description="folder of the journal; for a broker whose log is in memory. Unset: no journal"
    )
    journal_segment_bytes: int = Field(16_000_000, ge=1_000, description="a segment file ends at this size")
    write_timeout: float = Field(
        8.0, gt=0, description="seconds a push waits for the broker before it is answered 503"
    )
