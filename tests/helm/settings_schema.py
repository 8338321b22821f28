"""What the chart lets be said as settings: a JSON Schema made from the settings themselves.

So a misspelt setting is refused by `helm install`, not by a pod that starts without it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from app.settings import Role, Settings

CHART = Path(__file__).parents[2] / "helm"
SCHEMA = CHART / "values.schema.json"

BY_THE_CHART = {"ROLE", "TOPICS_DIR", "SECRETS_DIR", "DRAIN_SECONDS", "CRASH_AT"} | {
    f"{role.upper()}__{name}" for role in Role for name in ("HOST", "PORT", "DATA_DIR")
} | {"GATEWAY__KEYS_FILE", "GATEWAY__OPEN", "WORKER__INSTANCE"}  # fmt: skip
KEPT = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern")
NO_PASSWORD = {"pattern": "://[^/@]*:[^/@]*@"}


def names_and_models() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every setting's variable, with the model and field that declare it."""
    yield from _walk(Settings, "")


def settings_of(given: Mapping[str, str]) -> Settings:
    """The settings of a process with these variables, and no others of ours."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, _, _ in names_and_models():
            patch.delenv(variable, raising=False)
        for variable, value in given.items():
            patch.setenv(variable, value)
        return Settings()


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel], str]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _walk(inner, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", model, name


def secret_names() -> set[str]:
    """The settings that must not stand in values."""
    return {
        variable
        for variable, model, name in names_and_models()
        if SecretStr in {(kind := model.model_fields[name].annotation), *get_args(kind)}
    }


def settings_schema() -> Mapping[str, Any]:
    """The schema of `settings`: the name, type and bounds of each, secrets left out."""
    hidden = secret_names() | BY_THE_CHART
    properties = {
        variable: _property(model, name)
        for variable, model, name in names_and_models()
        if variable not in hidden
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(model: type[BaseModel], name: str) -> Mapping[str, Any]:
    whole = model.model_json_schema()
    said = whole["properties"][name]
    for option in said.get("anyOf", ()):  # a value, or null: which is said by leaving it out
        if option.get("type") != "null":
            said = said | option
    if "$ref" in said:
        said = said | whole["$defs"][said["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = {key: said[key] for key in KEPT if key in said}
    if name == "url":
        found["not"] = NO_PASSWORD
    if about := said.get("description"):
        found["description"] = about
    return found


def renewed(text: str) -> str:
    """The chart's schema with the settings of now."""
    schema = json.loads(text)
    schema["$defs"]["settings"] = settings_schema()
    schema["$defs"]["external"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            variable: {"$ref": "#/$defs/remote"}
            for variable, _, _ in names_and_models()
            if variable not in BY_THE_CHART
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
