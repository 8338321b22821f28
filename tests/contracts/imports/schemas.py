"""A JSON Schema, and what the topic file imported from it says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.contracts.imports.contents import contents
from app.contracts.imports.read import read_schema
from app.contracts.writing import bare

Schema = Mapping[str, Any]
OPEN = "TODO"
TEXT = {"type": "string", "pii": OPEN}
WHOLE = {"type": "json", "pii": OPEN}


def said(folder: Path, schema: Schema, levels: int = 3) -> dict[str, Any]:
    """What the file says, without its comments."""
    file = folder / "schema.json"
    file.write_text(json.dumps(schema), "utf-8")
    found = bare(contents(read_schema(file), "ordered", levels=levels))
    assert isinstance(found, dict)
    return found


def of(folder: Path, schema: Schema | bool, **around: Any) -> dict[str, Any]:
    """The options of a required field of that schema, `about` left out."""
    whole = {"type": "object", "required": ["x"], "properties": {"x": schema, "y": {}}, **around}
    found = dict(said(folder, whole)["fields"]["x"])
    found.pop("about")
    return found
