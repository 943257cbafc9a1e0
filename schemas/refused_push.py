"""The other half of the audit: pushes that were refused as a whole, and so have no receipt."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.envelope import UtcDatetime
from schemas.fields import Contract

OTHERS = "others"
"""Stands for whatever there was too much of within a minute to be told one by one."""


class RefusedPushes(Contract):
    """Equal refusals within a minute, as they lie on `minmai.refused-push.v1`."""

    id: Annotated[UUID, Field(description="the same however often it is sent: it counts once")]
    agency: Annotated[str, Field(description="whose key it was, even if it had ended; empty if unknown")]
    key: Annotated[str, Field(description="id of that key, the beginning of its hash; empty if unknown")]
    method: str
    stream: Annotated[str, Field(description="as named in the path; empty for events")]
    status: Annotated[int, Field(ge=400, le=599, description="HTTP status it was answered with")]
    code: Annotated[str, Field(description="short reason, for programs")]
    remote: Annotated[str, Field(description="address they came from")]
    user_agent: str
    pushes: Annotated[int, Field(ge=1, description="how many they are")]
    bytes: Annotated[int, Field(ge=0, description="of their bodies, as far as they declared a length")]
    first_at: Annotated[UtcDatetime, Field(description="when the first was answered, by the wall clock")]
    last_at: UtcDatetime
