"""Tables: do the rows that stand, and the objects from which a day is loaded again, fit?

A day may be loaded again at any time, from all objects that it has, those of former files too.
"""

import re
from collections.abc import Mapping

from app.contracts.diff.change import Changes, safe, told, unsafe
from app.contracts.model import Contract
from app.contracts.table import LINEAGE, RUN, Column
from app.contracts.types import Dialect, sql_type

SQL_TYPE = re.compile(r"^(\w+)(?:\((\d+)(?:,(\d+))?\))?$")
DIALECTS: tuple[Dialect, ...] = ("snowflake", "duckdb")
TREES = frozenset({"json", "list", "object"})  # any JSON is read into their columns
NEW_COLUMN = "give the field another name, which makes a new column"
NEW_EVENT = "make it a new event, with a table of its own"
OWN = {"day", *(column.name for column in (*LINEAGE, RUN))}


def table_changes(old: Contract, new: Contract) -> Changes:
    """Compare the tables of two versions of an event."""
    before, after = _columns(old), _columns(new)
    if old.table.name != new.table.name:
        yield unsafe(
            "warehouse.table",
            f"{old.table.name} → {new.table.name}",
            "days that are loaded stand in the former table, and the audit misses them in the new "
            "one",
            f"load them once more, `forebay load --type {new.event} --from DAY --to DAY`, then "
            "drop the former table",
        )
    elif old.warehouse.cluster_by != new.warehouse.cluster_by:
        yield safe(
            "warehouse.cluster_by",
            f"{told(old.warehouse.cluster_by)} → {told(new.warehouse.cluster_by)}",
            "a table that stands keeps its own",
            f"in Snowflake: ALTER TABLE {new.table.name} CLUSTER BY (…)",
        )
    for name, column in after.items():
        if name in before:
            yield from _column(before[name], column, same=old.table.name == new.table.name)
        elif old.table.name == new.table.name:
            yield safe(f"column {name}", "is added", "rows that are loaded have nothing in it")
    for name in before:
        if name not in after and old.table.name == new.table.name:
            yield safe(f"column {name}", "is no longer filled", "it stays, with what it has")


def claimed(old: Mapping[str, Contract], new: Contract) -> Changes:
    """Whether a new event takes a table in which another one's rows stand."""
    for event, contract in old.items():
        if event != new.event and contract.table.name == new.table.name:
            yield unsafe(
                "warehouse.table",
                f"{new.table.name} was that of {event}",
                f"each day that is loaded replaces the rows of {event}",
                "choose a table that is new",
            )


def _columns(contract: Contract) -> dict[str, Column]:
    return {column.name: column for column in contract.table.columns if column.name not in OWN}


def _column(old: Column, new: Column, *, same: bool) -> Changes:
    where = f"column {new.name}"
    if old.type != new.type and not _readable(old, new):
        yield unsafe(
            where,
            f"{old.type} → {new.type}",
            "a day that is loaded again has objects with values of the former type",
            NEW_COLUMN,
        )
        return
    kinds = [(dialect, sql_type(old, dialect), sql_type(new, dialect)) for dialect in DIALECTS]
    other = [kind for kind in kinds if kind[1] != kind[2]]
    unfit = [f"{a} → {b} in {_told(d)}" for d, a, b in other if not _holds(a, b, same)]
    if unfit:
        what = f"{old.type}, {', '.join(unfit)}"
        yield unsafe(where, what, "values that stand, or are stored, do not fit", NEW_COLUMN)
    elif any(_wider(a, b) for _, a, b in other):
        what = ", ".join(f"{a} → {b} in {_told(d)}" for d, a, b in other)
        yield safe(where, what, "the next load makes it wider" if same else "")
    if same and old.nullable and not new.nullable:
        yield safe(where, "must be there", "a column that stands may stay empty")
    if same and new.nullable and not old.nullable:
        yield safe(where, "may be empty", "the next load lets go of NOT NULL")


def _readable(old: Column, new: Column) -> bool:
    """Whether a former object's values are read into the new type."""
    if {old.type, new.type} <= TREES:
        return True
    return (old.type, new.type) == ("integer", "decimal") and not new.scale


def _holds(old: str, new: str, same: bool) -> bool:
    """Whether a column of the former SQL type takes the new one's values, made wider if need be,
    and the new one those of the former objects."""
    (name, *before), (now, *after) = _parts(old), _parts(new)
    if name != now:
        return False
    if name == "VARCHAR":  # text is read without its length, and a column that stands is as wide
        return same or not _wider(new, old)  # as it ever was; only a new one is narrower
    if before[1] != after[1]:
        return False
    return (after[0] or 0) >= (before[0] or 0)


def _wider(old: str, new: str) -> bool:
    (name, *before), (now, *after) = _parts(old), _parts(new)
    if name == now == "VARCHAR":
        return before[0] is not None and (after[0] is None or after[0] > before[0])
    return (after[0] or 0) > (before[0] or 0)


def _parts(kind: str) -> tuple[str, int | None, int | None]:
    found = SQL_TYPE.match(kind)
    assert found is not None
    first, second = found[2], found[3]
    return found[1], int(first) if first else None, int(second) if second else None


def _told(dialect: Dialect) -> str:
    return "Snowflake" if dialect == "snowflake" else "DuckDB"
