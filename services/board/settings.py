"""Settings of the board."""

from pydantic import Field

from services.ingest.settings import AgenciesSettings
from services.platform.access.settings import AccessSettings


class BoardSettings(AccessSettings, AgenciesSettings):
    """What the board needs to know beyond what every service does."""

    board_port: int = Field(8101, ge=1, le=65535, description="port of the page and the API")
    synthetic: bool = Field(
        False, description="the records are made up (a demo): the page says so, above everything else"
    )
