"""Steps that put a value into its place, or take it away."""

from copy import deepcopy
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from app.core.transforms.columns import Options
from app.letters.fix.places import EACH, Where, steps_of, there, to_be_there


class Set(Options):
    """Put the same value there in every event, whatever was there; objects around it are made."""

    do: Literal["set"]
    field: Where
    value: JsonValue = Field(description="Any JSON.")

    def on(self, event: Any) -> None:
        for container, key in to_be_there(event, steps_of(self.field)):
            container[key] = deepcopy(self.value)


class Default(Options):
    """The same only where there is no value, or null."""

    do: Literal["default"]
    field: Where
    value: JsonValue = Field(description="Any JSON.")

    def on(self, event: Any) -> None:
        for container, key in to_be_there(event, steps_of(self.field)):
            there_is_none = isinstance(container, dict) and key not in container
            if there_is_none or container[key] is None:
                container[key] = deepcopy(self.value)


class Rename(Options):
    """Move a value to another place, if there is nothing yet, or null."""

    do: Literal["rename"]
    field: Where
    to: Where

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if EACH in self.field.split(".") + self.to.split("."):
            raise ValueError("moves one value; leave out the *")
        if steps_of(self.to)[: len(steps_of(self.field))] == steps_of(self.field):
            raise ValueError("moves a value to another place, not into itself")
        return self

    def on(self, event: Any) -> None:
        for container, key in list(there(event, steps_of(self.field))):
            taken = any(c[k] is not None for c, k in there(event, steps_of(self.to)))
            if taken or not isinstance(container, dict):
                return
            for new, name in to_be_there(event, steps_of(self.to)):
                new[name] = container.pop(key)


class Drop(Options):
    """Take a key away, with what is in it."""

    do: Literal["drop"]
    field: Where

    def on(self, event: Any) -> None:
        for container, key in list(there(event, steps_of(self.field))):
            if isinstance(container, dict):
                del container[key]
