"""Find in an accepted event the other spellings that were taken, and what is deprecated."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import from_json

from app.contracts.fields import Field
from app.contracts.lenient import respell
from app.contracts.paths import Fields
from app.contracts.places import Place, named, places, values_at
from app.contracts.rejections import form
from app.core.warned import Warned

Warnings = Callable[[bytes], tuple[Warned, ...]]
Look = tuple[Place, Callable[[Any], bool], Warned]


def warnings(fields: Fields) -> Warnings | None:
    """Compile what reads an accepted event once more; None: no field has anything to warn of."""
    looks = [look for place, field in places(fields) for look in _looks(place, field)]
    if not looks:
        return None

    def find(raw: bytes) -> tuple[Warned, ...]:
        event = from_json(raw)
        found = []
        for place, is_bad, warned in looks:
            times = sum(is_bad(value) for _, value in values_at(event, place))
            if times:
                found.append(Warned(warned.kind, warned.field, warned.message, times))
        return tuple(found)

    return find


def _looks(place: Place, field: Field) -> Iterator[Look]:
    name = named(place)
    change = respell(field)
    if change is not None:
        told = f"{name} was taken in another spelling; it {form(field)}"
        yield place, lambda value: change(value) is not value, Warned("coerced", name, told)
    if field.deprecated is not None:
        told = f"{name} is deprecated: stop sending it from {field.deprecated} on"
        yield place, lambda value: value is not None, Warned("deprecated", name, told)
