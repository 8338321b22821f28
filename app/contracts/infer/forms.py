"""Forms that text may have: tried by the very validators that will judge it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import SchemaError, SchemaValidator

from app.contracts.fields import Field
from app.contracts.types import TYPES

SPECS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "uuid"},
    "timestamp": {"type": "timestamp"},
    "naive": {"type": "timestamp", "timezone": "UTC"},
    "date": {"type": "date"},
    "decimal": {"type": "decimal", "scale": 19},
    **{
        name: {"type": "string", "pii": "keep", "format": name}
        for name in ("email", "ip", "url", "country", "currency", "language")
    },
}
_field: TypeAdapter[Any] = TypeAdapter(Field)


def takes(spec: dict[str, Any]) -> Callable[[Any], bool]:
    """What a field with these options says to a value.

    Raises:
        ValueError: the options are not right, a pattern for example.
    """
    field = _field.validate_python({"about": "What is tried here.", **spec}, strict=False)
    try:
        return SchemaValidator(TYPES[field.type].core(field)).isinstance_python
    except SchemaError as error:
        raise ValueError(str(error)) from error


FORMS = {name: takes(spec) for name, spec in SPECS.items()}


def seconds_of(text: str) -> float:
    """Read what the forms `timestamp` and `naive` take, as seconds since 1970."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
