"""Steps that change a text."""

from typing import Any, Literal

from pydantic import Field

from app.core.transforms import texts
from app.letters.fix.changing import TEXT, VALUE, OnText, topic_step


class Trim(OnText):
    """Cut white space from both ends of a text."""

    do: Literal["trim"]

    def model_post_init(self, context: Any) -> None:
        self._change = topic_step(texts.Trim(do="trim", field=VALUE).step(TEXT))


class Lower(OnText):
    """Put a text into lower case."""

    do: Literal["lower"]

    def model_post_init(self, context: Any) -> None:
        self._change = topic_step(texts.Lower(do="lower", field=VALUE).step(TEXT))


class Upper(OnText):
    """Put a text into upper case."""

    do: Literal["upper"]

    def model_post_init(self, context: Any) -> None:
        self._change = topic_step(texts.Upper(do="upper", field=VALUE).step(TEXT))


class Truncate(OnText):
    """Keep only the first characters of a text."""

    do: Literal["truncate"]
    length: int = Field(ge=1, le=16_777_216, description="Characters to keep.")

    def model_post_init(self, context: Any) -> None:
        step = texts.Truncate(do="truncate", field=VALUE, length=self.length)
        self._change = topic_step(step.step(TEXT))


class Replace(OnText):
    """Put another text in the place of each `text` in a text: a comma by a point, say."""

    do: Literal["replace"]
    text: str = Field(min_length=1, description="What is there, character by character.")
    by: str = Field(description="What is to be there; empty: nothing.")

    def model_post_init(self, context: Any) -> None:
        self._change = lambda value: value.replace(self.text, self.by)
