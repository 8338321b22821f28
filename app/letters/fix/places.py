"""Where in an event, as it was sent, a step of a fix does something."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from app.contracts.fields import MAX_INDEX

EACH = "*"
Step = str | int | None
"""A key, an index of a list, or None for each item of a list."""

Spot = tuple[Any, str | int]
"""A container in the event, and the key or index of something in it."""


def _checked(path: str) -> str:
    if any(not part for part in path.split(".")):
        raise ValueError("is no dotted path, such as customer.country or lines.*.cents")
    return path


Where = Annotated[
    str,
    AfterValidator(_checked),
    Field(
        min_length=1,
        description="A path in the event as sent, such as customer.country; lines.0.cents is in "
        "the first item of a list, lines.*.cents in each.",
    ),
]


def steps_of(path: Where) -> tuple[Step, ...]:
    """Read a path."""
    return tuple(map(_step, path.split(".")))


def _step(part: str) -> Step:
    if part == EACH:
        return None
    is_index = part.isascii() and part.isdecimal() and int(part) <= MAX_INDEX
    return int(part) if is_index else part


def there(event: Any, path: tuple[Step, ...]) -> Iterator[Spot]:
    """All that is at a place, null or not; nothing where there is nothing."""
    *above, last = path
    for container in _containers(event, tuple(above)):
        for key in _keys(container, last):
            yield container, key


def to_be_there(event: Any, path: tuple[Step, ...]) -> Iterator[Spot]:
    """The same, and what a step may put there: a key of an object, of one that is made where it
    is absent. A list gets no new items."""
    *above, last = path
    for container in _containers(event, tuple(above), make=True):
        if isinstance(last, str) and isinstance(container, dict):
            yield container, last
        else:
            for key in _keys(container, last):
                yield container, key


def _containers(event: Any, path: tuple[Step, ...], *, make: bool = False) -> Iterator[Any]:
    if not path:
        yield event
        return
    step, *rest = path
    if make and isinstance(step, str) and isinstance(event, dict) and event.get(step) is None:
        event[step] = {}
    for key in _keys(event, step):
        yield from _containers(event[key], tuple(rest), make=make)


def _keys(container: Any, step: Step) -> list[str | int]:
    if isinstance(container, dict):
        # A key of figures is a key, where there is no list.
        key = None if step is None else str(step)
        return [key] if key is not None and key in container else []
    if isinstance(container, list):
        if step is None:
            return list(range(len(container)))
        return [step] if isinstance(step, int) and step < len(container) else []
    return []
