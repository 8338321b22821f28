"""Steps that change the values at a place, and how they use those of topic files."""

from collections.abc import Callable
from typing import Any

from pydantic import PrivateAttr

from app.core.errors import RejectedError
from app.core.transforms import Step
from app.core.transforms.columns import Landing, Options
from app.letters.fix.places import Where, steps_of, there

Change = Callable[[Any], Any]
ABOUT = "A value on its way."
VALUE, MADE = "value", "made"
TEXT = {VALUE: Landing("string", True, ABOUT)}


def topic_step(step: Step, made: str = VALUE) -> Change:
    """Do to one value what a step of a topic file does to a column; what it would reject stays."""

    def change(value: Any) -> Any:
        row = {VALUE: value}
        try:
            step(row)
        except RejectedError:
            return value
        return row[made]

    return change


class InPlace(Options):
    """Changes each value at `field`, if it is one that the step can do something with."""

    field: Where
    _change: Change = PrivateAttr()

    def on(self, event: Any) -> None:
        for container, key in there(event, steps_of(self.field)):
            container[key] = self._change(container[key])


class OnText(InPlace):
    """The same of texts only."""

    def on(self, event: Any) -> None:
        for container, key in there(event, steps_of(self.field)):
            if isinstance(container[key], str):
                container[key] = self._change(container[key])
