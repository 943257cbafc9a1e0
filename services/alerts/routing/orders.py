"""What people say about alerts: silences and acknowledgements."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.routing.filter import Filter

Author = Annotated[str, Field(min_length=1, max_length=200)]


class Silence(Filter):
    """From `begins` to `ends`, wall clock, nobody is told of these alerts; they go on as they are."""

    id: UUID
    author: Author
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    begins: UtcDatetime
    ends: UtcDatetime
    alerts: Annotated[list[UUID], Field(description="only these episodes")] = []

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Silence":
        if self.ends < self.begins:
            raise ValueError("a silence ends after it begins")
        return self

    def holds(self, moment: datetime) -> bool:
        """Whether it is in force."""
        return self.begins <= moment < self.ends


class Acknowledgement(Contract):
    """Somebody has taken an alert on: it is neither repeated nor escalated."""

    alert_id: UUID
    author: Author
    note: Annotated[str, Field(max_length=1_000)] = ""
    at: UtcDatetime
