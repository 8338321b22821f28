"""The JSON Schemas of the topic files, with which editors complete and check as one types."""

import json
from pathlib import Path
from typing import Any

from app.contracts.catalogue.reference import FILE as REFERENCE
from app.contracts.catalogue.reference import reference
from app.contracts.defaults import SHARED, app_defaults
from app.contracts.fields import Strict
from app.contracts.model import Contract

FILE, APP_FILE = ".schema.json", ".app.schema.json"


def topic_file_schema() -> dict[str, Any]:
    """Describe what a topic file may say (JSON Schema 2020-12).

    What the file of its app may say for it is not required: `forebay topics check` knows both.
    """
    schema = _schema(Contract, "Forebay topic file")
    schema["required"] = [key for key in schema["required"] if key not in SHARED]
    for key in SHARED:
        reference = schema["properties"].get(key, {}).get("$ref", "")
        if reference:
            schema["$defs"][reference.rpartition("/")[2]].pop("required", None)
    return schema


def app_file_schema() -> dict[str, Any]:
    """Describe what an `_app.yaml` may say."""
    return _schema(app_defaults(), "Forebay defaults of an app")


def _schema(model: type[Strict], title: str) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_files(folder: Path) -> dict[Path, str]:
    """The generated files of a folder of topic files, and their exact content."""
    return {
        folder / FILE: schema_text(topic_file_schema()),
        folder / APP_FILE: schema_text(app_file_schema()),
        folder / REFERENCE: reference(),
    }


def schema_text(schema: dict[str, Any]) -> str:
    """Write a schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
