"""Read a fix, and mend events with it."""

from collections.abc import Sequence
from copy import deepcopy
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from pydantic import Field, ValidationError

from app.contracts.fields import Strict
from app.contracts.problems import problems_of
from app.contracts.topic_yaml import Unreadable, parse_yaml, read_yaml
from app.core.errors import Fatal
from app.letters.fix.steps import FixStep
from app.letters.masked import NOT_JSON, parsed

INLINE = Path("--fix")
SUFFIXES = (".yaml", ".yml", ".json")
# Numbers keep each digit they were sent with.
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Fix(Strict):
    steps: tuple[FixStep, ...] = Field(min_length=1)


class Fix:
    """Steps to do one after the other; `changed` counts for each the events that it changed."""

    def __init__(self, steps: Sequence[FixStep]) -> None:
        self.steps = steps
        self.changed = [0] * len(steps)

    @property
    def name(self) -> str:
        """The same for the same steps: what a disposal says of it."""
        text = _encode([step.model_dump(mode="json", by_alias=True) for step in self.steps])
        return f"fix {blake2b(text, digest_size=4).hexdigest()}"

    def told(self) -> list[str]:
        """Each step as it was written, short."""
        return [
            ", ".join(
                f"{key}: {value}"
                for key, value in step.model_dump(
                    mode="json", by_alias=True, exclude_unset=True
                ).items()
            )
            for step in self.steps
        ]

    def mend(self, raw: bytes) -> bytes:
        """The event after all steps; the very bytes that were sent if none of them changes it, or
        it is no JSON object."""
        event = parsed(raw)
        if event is NOT_JSON or not isinstance(event, dict):
            return raw
        mended = False
        for number, step in enumerate(self.steps):
            before = deepcopy(event)
            step.on(event)
            if not _same(before, event):
                self.changed[number] += 1
                mended = True
        return _encode(event) if mended else raw


def _same(one: Any, other: Any) -> bool:
    """As JSON: to Python 1 and true are equal, and 1.0 too."""
    return _encode(one) == _encode(other)


def read_fix(given: str) -> Fix:
    """Read a file, or YAML given in its place: a step, or a list of them.

    Raises:
        Fatal: everything that is wrong with it.
    """
    path = Path(given)
    if path.suffix not in SUFFIXES or "\n" in given or given.startswith(("{", "[")):
        return parse_fix(given)
    try:
        return _fix(path, read_yaml(path))
    except Unreadable as error:
        raise Fatal(f"{path}: {error}") from error


def parse_fix(text: str) -> Fix:
    """Read YAML, and never a file. Raises as `read_fix`."""
    try:
        return _fix(INLINE, parse_yaml(text))
    except Unreadable as error:
        raise Fatal(f"{INLINE}: {error}") from error


def _fix(name: Path, content: Any) -> Fix:
    steps = content if isinstance(content, list) else [content]
    try:
        return Fix(_Fix.model_validate({"steps": tuple(steps)}).steps)
    except ValidationError as error:
        found = problems_of(name, error, {"steps": steps}, _Fix)
        raise Fatal("\n".join(map(str, found))) from error
