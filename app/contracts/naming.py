"""Names of fields for keys of events, which may be anything."""

import re
from collections.abc import Container
from typing import Any

MAX_NAME = 60  # characters
RESERVED = frozenset({"day"})  # the table's own column
SIMPLE = re.compile("[A-Za-z_][A-Za-z0-9_-]*")

Keys = tuple[str, ...]


def words_of(name: str) -> list[str]:
    """Split a name as people read it: `createdAt` and `created_at` are the same."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().replace("-", "_").split("_")


def free_name(path: Keys, taken: Container[str]) -> str:
    """Name a field after where its value is, as no other one is called yet."""
    words = "_".join("_".join(words_of(key)) for key in path)
    name = re.sub("_+", "_", re.sub("[^a-z0-9_]", "_", words)).strip("_")[:MAX_NAME]
    if not name or name[0].isdigit() or name in RESERVED:
        name = f"value_{name}"[:MAX_NAME].rstrip("_")
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def path_of(name: str, path: Keys) -> dict[str, Any]:
    """The option `path` of a field, if it needs one."""
    if path == (name,):
        return {}
    if all(map(SIMPLE.fullmatch, path)):
        return {"path": ".".join(path)}
    return {"path": list(path)}
