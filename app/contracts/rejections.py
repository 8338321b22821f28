"""What the sender is told about an event that does not fit: what would be right, never a value."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.core.errors import Reason, RejectedError
from app.core.values import FIRST_YEAR, LAST_YEAR

MAX_ERRORS = 500
MAX_NAME = 200  # characters of a field's name that come back: senders choose unknown names

FORM = {
    "uuid": "must be a UUID in a string, 8-4-4-4-12 hexadecimal digits",
    "timestamp": (
        "must be a string in ISO 8601 with a UTC offset, such as 2026-03-01T23:59:58.123Z, "
        f"of the years {FIRST_YEAR} to {LAST_YEAR}"
    ),
    "date": f"must be a string such as 2026-03-01, of the years {FIRST_YEAR} to {LAST_YEAR}",
    "string": "must be a string",
    "integer": "must be a whole number, not in quotes",
    "number": "must be a finite number, not in quotes",
    "boolean": "must be true or false",
    "json": (
        "must be JSON other than null, without NUL characters, infinities and integers of more "
        "than 38 digits"
    ),
}
BOUND = {
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_long": "may have at most {max_length} characters",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
}


def rejection(error: ValidationError, forms: dict[str, str]) -> RejectedError:
    """Choose the first error and say it. `forms` maps a field to what it must look like."""
    if error.error_count() > MAX_ERRORS:  # each one costs time, and a sender can make thousands
        return RejectedError(
            Reason.SCHEMA, f"{error.error_count()} fields are wrong or not in the contract"
        )
    return _say(error.errors(include_url=False, include_input=False)[0], forms)


def _say(detail: ErrorDetails, forms: dict[str, str]) -> RejectedError:
    kind, location = detail["type"], detail["loc"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "json_invalid":
        return RejectedError(Reason.NOT_JSON, f"not JSON: {context['error']}")
    if not location:
        return RejectedError(Reason.NOT_JSON, "an event is one JSON object")
    name = str(location[0])[:MAX_NAME]
    if kind == "extra_forbidden":
        message = "is not in the contract; leave it out, or add it to the topic file"
    elif kind == "missing":
        message = "is missing"
    elif kind in BOUND and forms[name] in (FORM["string"], FORM["integer"], FORM["number"]):
        message = BOUND[kind].format(**context)
    else:
        message = forms[name]
    return RejectedError(Reason.SCHEMA, f"{name} {message}", name)


def nul_in(name: str) -> RejectedError:
    """Refuse U+0000, which not every warehouse can hold."""
    return RejectedError(Reason.SCHEMA, f"{name} must not hold a NUL character", name)
