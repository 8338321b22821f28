"""Declared runs, as OpenAPI describes them."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

ABOUT = """\
A day that an app computes as a whole, and computes again when it knows more, is sent in a run: open
one, send the day's events to `/v1/events/{type}` with its id in the header `X-Forebay-Run`, and
close it with the number of rows they make. The table shows, of each day, the run opened last of
those that are complete; until a run is complete, nothing of it is seen. Copies of an event within a
run count once. A run that will never be complete does no harm; abandon it to say so.
"""
_ID: Json = {"type": "string", "examples": ["2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1B"]}
_MAYBE_COUNT: Json = {"type": ["integer", "null"], "minimum": 0}
_MAYBE: Json = {"type": ["string", "null"]}
RUN_HEADER: Json = {
    "name": "X-Forebay-Run",
    "in": "header",
    "required": True,
    "description": "The run that these events are of, an open one.",
    "schema": _ID,
}
RUN: Json = {
    "type": "object",
    "required": ["id", "type", "day", "state"],
    "properties": {
        "id": _ID,
        "type": {"type": "string"},
        "day": {"type": "string", "format": "date"},
        "state": {
            "enum": ["open", "closed", "complete", "superseded", "abandoned"],
            "description": "closed: it has not, or not yet, as many rows as it should; what still "
            "arrives may complete it. superseded: a run that was opened later is complete.",
        },
        "opened_at": {"type": "string"},
        "closed_at": _MAYBE,
        "expected": _MAYBE_COUNT | {"description": "Rows that it must have."},
        "counted": _MAYBE_COUNT | {"description": "Rows that the last load found."},
    },
}

RUNS: Json = {
    "type": "object",
    "required": ["runs"],
    "properties": {
        "runs": {
            "type": "array",
            "items": RUN
            | {
                "required": [*RUN["required"], "sealed", "shown"],
                "properties": RUN["properties"]
                | {
                    "sealed": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "Its rows that are stored by now, copies too: up to a "
                        "minute behind what was sent.",
                    },
                    "shown": {"type": "boolean", "description": "The table shows this one."},
                },
            },
        }
    },
}


def add_runs(described: Json, types: Sequence[str]) -> None:
    """Add the paths of runs, and to those of these types that their events are sent in one."""
    described["paths"] |= _paths(types)
    described["components"]["schemas"] |= {"Run": RUN, "Runs": RUNS}
    for type in types:
        operation = described["paths"][f"/v1/events/{type}"]["post"]
        operation["parameters"] = [RUN_HEADER]
        operation["responses"] |= {
            "404": _says("No run of this id and type.", "Refusal"),
            "409": _says("The run is not open.", "Refusal"),
        }


def _paths(types: Sequence[str]) -> dict[str, Json]:
    id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    of_day: Json = {
        "type": {"type": "string"} | ({"enum": list(types)} if types else {}),
        "day": {"type": "string", "format": "date"},
    }
    opening = {
        "type": "object",
        "required": list(of_day),
        "properties": {
            **of_day,
            "expected": _MAYBE_COUNT | {"description": "If it is known already."},
        },
        "additionalProperties": False,
    }
    closing = {
        "type": "object",
        "properties": {"expected": _MAYBE_COUNT | {"description": "Rows that it must have."}},
        "additionalProperties": False,
    }
    return {
        "/v1/runs": {
            "post": _operation("open_run", "Open a run.", opening, "201"),
            "get": _operation("runs_of_day", "The runs of a day.", schema="Runs")
            | {
                "parameters": [
                    {"name": name, "in": "query", "required": True, "schema": schema}
                    for name, schema in of_day.items()
                ]
            },
        },
        "/v1/runs/{id}": {
            "parameters": [id],
            "get": _operation("look_at_run", "What became of it."),
        },
        "/v1/runs/{id}/close": {
            "parameters": [id],
            "post": _operation("close_run", "All of it was sent.", closing),
        },
        "/v1/runs/{id}/abandon": {
            "parameters": [id],
            "post": _operation("abandon_run", "It will not be complete."),
        },
    }


def _operation(
    name: str, summary: str, body: Json | None = None, good: str = "200", schema: str = "Run"
) -> Json:
    refusals = {
        "400": "Not the shape that this path takes.",
        "404": "No such run, or no such type.",
        "408": "The body did not arrive in time.",
        "409": "It is closed with another number, abandoned or complete; or its type has no "
        "runs, or its day is older than seals are kept.",
        "413": "The body is too large.",
        "415": "An encoding that is not known.",
        "429": "Too much is in flight; send the same again.",
        "503": "The ledger can not be reached, or this gateway knows of none.",
    }
    operation: Json = {
        "operationId": name,
        "tags": ["runs"],
        "summary": summary,
        "description": ABOUT,
        "responses": {
            good: _says("What there is of it.", schema),
            **{status: _says(what, "Refusal") for status, what in refusals.items()},
        },
    }
    if body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def _says(what: str, schema: str) -> Json:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": what, "content": content}
