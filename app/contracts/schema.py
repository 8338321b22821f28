"""The JSON Schema of a topic file, with which editors complete and check as one types."""

import json
from typing import Any

from app.contracts.model import Contract

FILE = ".schema.json"


def topic_file_schema() -> dict[str, Any]:
    """Describe what a topic file may say (JSON Schema 2020-12)."""
    schema = Contract.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Forebay topic file",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_text() -> str:
    """The committed file's exact content."""
    return json.dumps(topic_file_schema(), indent=2, ensure_ascii=False) + "\n"
