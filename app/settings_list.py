"""The settings as a list: each with its variable, value, origin and description; no secret."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.settings import Settings

MASK = "********"
DEFAULT, ENVIRONMENT, FILE, STACK = "default", "environment", "file", "local stack"

_userinfo = re.compile(r"(?<=://).*@")
"""Up to the last @: of a password that should have been percent-encoded nothing may be left."""


class Setting(NamedTuple):
    """One variable. `value` is fit to be shown."""

    name: str
    value: Any
    origin: str
    about: str


def listed(settings: Settings, from_stack: Collection[str] = ()) -> Iterator[Setting]:
    """Every setting, in the order in which they are declared. `from_stack` are the variables that
    a running local stack has set."""
    given = {name.upper() for name in os.environ}
    folder = Path(settings.secrets_dir) if settings.secrets_dir else None
    files = {found.name.upper() for found in folder.iterdir()} if folder else set()

    def origin(name: str) -> str:
        parts = name.split("__")
        # A group may also be given as a whole, in JSON.
        names = {"__".join(parts[:end]) for end in range(1, len(parts) + 1)}
        if names & set(from_stack):
            return STACK
        if names & given:
            return ENVIRONMENT
        return FILE if names & files else DEFAULT

    for name, field, value in _walk(settings, ""):
        yield Setting(name, shown(value), origin(name), field.description or "")


def _walk(model: BaseModel, prefix: str) -> Iterator[tuple[str, FieldInfo, Any]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", field, value


def shown(value: Any) -> Any:
    """The value without what is secret: a `SecretStr`, or the user's part of a URL."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return _userinfo.sub(f"{MASK}@", value) if isinstance(value, str) else value
