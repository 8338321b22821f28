"""The base of every group of options; `app.settings` gathers the groups."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Immutable, and strict about names, so that a misspelt variable is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
