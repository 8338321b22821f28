"""Run one transform on one row."""

import json
from typing import Any

from pydantic import TypeAdapter

from app.core.errors import RejectedError
from app.core.transforms import Columns, Transform

parse = TypeAdapter[Any](Transform).validate_json


def made(columns: Columns, options: dict[str, Any], **row: Any) -> dict[str, Any]:
    """What the row has that is new or another value; the message if it is rejected."""
    transform = parse(json.dumps(options))
    transform.columns(columns)
    whole = dict.fromkeys(columns) | row
    changed = dict(whole)
    try:
        transform.step(columns)(changed)
    except RejectedError as error:
        return {"rejected": error.verdict.message, "field": error.verdict.field}
    return {name: value for name, value in changed.items() if whole.get(name, ...) != value}
