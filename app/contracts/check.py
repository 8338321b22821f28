"""What no single key of a topic file can know: whether its parts, and the files, fit together."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.contracts.check_fields import Found, problems_of_fields
from app.contracts.check_rows import problems_of_rows
from app.contracts.model import Contract
from app.contracts.problems import Problem
from app.contracts.types import TYPES
from app.core.transforms import Columns, zone

OWN_TABLES = ("LOAD_CONTROL", "LOAD_FENCE", "LOAD_FINGERPRINT")
SYSTEM_SCHEMAS = ("INFORMATION_SCHEMA", "PG_CATALOG")  # no table can be made in them
KAFKA_KEYS = ("string", "integer", "uuid", "date")


ALL = frozenset(Contract.model_fields)


def problems_in(path: Path, contract: Contract, known: frozenset[str] = ALL) -> list[Problem]:
    """Find what does not fit together within one file.

    `known` are the keys that can be relied on: of the others, mistakes have been found already.
    """
    found: list[tuple[str, str]] = []
    if "event" in known:
        found += _name(path, contract.event)
    if hasattr(contract, "fields"):
        found += problems_of_fields(contract.fields)
    for needed, check in CHECKS:
        if needed <= known:
            found += check(contract)
    return [Problem(path, where, what) for where, what in found]


def _name(path: Path, event: str) -> Found:
    if event != path.stem:
        yield "", f"event is «{event}»; name the file {event}.yaml"
    elif path.suffix != ".yaml":
        yield "", f"name the file {event}.yaml"


def problems_between(folder: Path, contracts: Mapping[Path, Contract]) -> Iterator[Problem]:
    """Find what two files of a folder both claim."""
    events: dict[str, Path] = {}
    tables = _tables(contracts)
    for path, contract in contracts.items():
        first = events.setdefault(contract.event, path)
        if first is not path:
            what = f"«{contract.event}» is in {first.relative_to(folder)} already; keep one"
            yield Problem(path, "event", what)
        first = tables[contract.warehouse.table]
        if first is not path:
            yield Problem(
                path,
                "warehouse.table",
                f"{contract.warehouse.table} belongs to {first.relative_to(folder)} already; "
                "choose another",
            )


def _tables(contracts: Mapping[Path, Contract]) -> dict[str, Path]:
    """Whose each table is: of the event that it is named after, else of the first to claim it."""
    tables: dict[str, Path] = {}
    for path, contract in contracts.items():
        schema_and_name = contract.warehouse.table
        tables.setdefault(schema_and_name, path)
        owner = contracts[tables[schema_and_name]]
        if _named_after(contract) and not _named_after(owner):
            tables[schema_and_name] = path
    return tables


def _named_after(contract: Contract) -> bool:
    return contract.warehouse.table.endswith(f".{contract.event.upper()}")


def _keys(contract: Contract) -> Found:
    for where, name, types in (
        ("kafka.key", contract.kafka.key, KAFKA_KEYS),
        ("day.from", contract.day.source, ("timestamp",)),
    ):
        field = contract.fields.get(name)
        if field is None:
            yield where, f"«{name}» is not in fields; there is {', '.join(contract.fields)}"
        elif field.optional:
            yield where, f"«{name}» is optional; every event must have it"
        elif field.type not in types:
            yield where, f"«{name}» is {field.type}; it must be {' or '.join(types)}"
        elif field.default is not None and where == "day.from":
            yield where, f"«{name}» has a default; every event must say when it happened"


def _times(contract: Contract) -> Found:
    day, dedupe, kafka = contract.day, contract.dedupe, contract.kafka
    for where, name in (("day", day.timezone), ("load", contract.load.timezone or "UTC")):
        try:
            zone(name)
        except ValueError as error:
            yield f"{where}.timezone", error.args[1]
    if day.late_days != "any" and day.late_days > dedupe.remember_days:
        yield (
            "day.late_days",
            f"{day.late_days} is more than dedupe.remember_days {dedupe.remember_days}: "
            "a late copy would pass for new; make them equal at least",
        )
    if kafka.retention_days < dedupe.remember_days:
        yield (
            "kafka.retention_days",
            f"{kafka.retention_days} is less than dedupe.remember_days {dedupe.remember_days}: "
            "what was seen could not be read again; make them equal at least",
        )


def _freshness(contract: Contract) -> Found:
    objective, load = contract.objective, contract.load
    if objective is not None and objective <= load.schedule.longest_gap:
        said = f"load.every {load.every}" if load.cron is None else f"load.cron {load.cron} allows"
        yield (
            "freshness",
            f"{contract.freshness} is not longer than {said}: the table would be behind all the "
            "time; load more often, or promise less",
        )


def _examples(contract: Contract) -> Found:
    if not any(example.lands for example in contract.examples):
        row = "rows" if contract.exploded else "row"
        yield "examples", f"none lands; add one with {row}"
    if not any(example.rejected for example in contract.examples):
        yield "examples", "none is rejected; add one with rejected"
    names = [example.name for example in contract.examples]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"examples.{index}.name", f"«{name}» is there twice; each says something else"


def _table(contract: Contract) -> Found:
    schema, _, name = contract.warehouse.table.partition(".")
    if name in OWN_TABLES:
        yield "warehouse.table", "is Forebay's own; choose another name"
    if schema in SYSTEM_SCHEMAS:
        yield "warehouse.table", f"{schema} is the warehouse's own; choose another schema"


def _steps(contract: Contract) -> Found:
    yield from _columns(contract)[1]


def _rows(contract: Contract) -> Found:
    columns, broken = _columns(contract)
    if not broken:
        yield from _landed(contract, columns)
        yield from problems_of_rows(contract)


def _columns(contract: Contract) -> tuple[Columns, list[tuple[str, str]]]:
    """Follow the columns through the transforms, up to the first that does not fit."""
    columns = contract.sent
    for index, transform in enumerate(contract.transform):
        try:
            columns = transform.columns(columns)
        except ValueError as error:
            key, what = error.args
            return columns, [(f"transform.{index}.{key}", what)]
        if "day" in columns and "day" not in contract.fields:
            what = "«day» is the table's own column; choose another name"
            return columns, [(f"transform.{index}.to", what)]
    return columns, []


def _landed(contract: Contract, columns: Columns) -> Found:
    by = contract.dedupe.by
    for index, name in enumerate(by):
        what = _unfit_for_key(name, columns)
        if what is None and name in by[:index]:
            what = f"«{name}» is there twice; remove one"
        if what is not None:
            yield f"dedupe.by.{index}", what
    named = [(f"warehouse.cluster_by.{i}", n) for i, n in enumerate(contract.warehouse.cluster_by)]
    for index, example in enumerate(contract.examples):
        named += [(f"examples.{index}.row.{name}", name) for name in example.row or ()]
        for number, row in enumerate(example.rows or ()):
            named += [(f"examples.{index}.rows.{number}.{name}", name) for name in row]
    for where, name in named:
        if name != "day" and name not in contract.landed:
            yield where, f"«{name}» is no column; there is day, {', '.join(contract.landed)}"


def _unfit_for_key(name: str, columns: Columns) -> str | None:
    column = columns.get(name)
    if column is None:
        return f"«{name}» is no column; there is {', '.join(columns)}"
    if column.pii == "drop":
        return f"«{name}» is dropped; the table must have the composite key"
    if column.nullable:
        return f"«{name}» is optional; every event must have it"
    if not TYPES[column.type].is_key:
        return f"«{name}» is {column.type}; equal values of it may differ in writing"
    return None


MADE = frozenset({"fields", "unknown", "transform"})
CHECKS: tuple[tuple[frozenset[str], Callable[[Contract], Found]], ...] = (
    (frozenset({"fields", "kafka", "day"}), _keys),
    (frozenset({"kafka", "dedupe", "day"}), _times),
    (frozenset({"load", "freshness"}), _freshness),
    (frozenset({"examples", "transform"}), _examples),
    (frozenset({"warehouse"}), _table),
    (MADE, _steps),
    (MADE | {"dedupe", "warehouse", "examples"}, _rows),
)
"""What each check reads of a contract, and the check."""
