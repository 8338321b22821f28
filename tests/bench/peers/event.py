"""The event of `tests.bench.events`, as pydantic judges it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Name = Annotated[str, Field(max_length=64)]


class Event(BaseModel):
    """One event, as sent."""

    event_id: UUID
    occurred_at: datetime
    user_id: Name
    session_id: Name
    page: Annotated[str, Field(max_length=200)]
    country: Literal["CH", "DE", "FR", "NL", "SE"]
    amount_cents: Annotated[int, Field(ge=0)]
    score: float
    first: bool
