"""Rows as Python values, the same from every warehouse, so that they can be compared."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from app.contracts.table import Table


def python_row(table: Table, values: tuple[Any, ...]) -> dict[str, object]:
    """Name and normalise one fetched row; `values` are in the order of `table.columns`."""
    return {
        column.name: None if value is None else _normal(column.type, value)
        for column, value in zip(table.columns, values, strict=True)
    }


def _normal(kind: str, value: Any) -> object:
    """One value by contract type: an aware UTC datetime, Decimal, date, str for a uuid, JSON."""
    match kind:
        case "integer":
            return int(value)
        case "number":
            return float(value)
        case "decimal":
            return Decimal(value)
        case "boolean":
            return bool(value)
        case "timestamp":
            return _utc(value)
        case "date":
            return value if isinstance(value, date) else date.fromisoformat(value)
        case "json" | "list" | "object":
            return json.loads(value)
        case _:
            return str(value)


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
