"""Turn a contract into the plain functions that judge and write its events."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import orjson

from app.contracts.encode import encoder
from app.contracts.hiding import hashed_in, hider, hides
from app.contracts.model import Contract
from app.contracts.parse import parser
from app.contracts.warn import warnings
from app.core.errors import Fatal
from app.core.judge import EventType, Row
from app.core.pii import MIN_KEY_BYTES, PII_KEY, PiiHash
from app.core.transforms import Columns, Explode, Rows, Step, zone


def compile_contract(contract: Contract, pii_key: bytes | None = None) -> EventType:
    """Compile one contract. `pii_key` is the secret of its keyed hashes.

    Raises:
        Fatal: a field is to be hashed, and there is no key or one too short.
    """
    day = contract.day
    transform, explode = _transformer(contract, pii_key)
    return EventType(
        name=contract.event,
        version=contract.version,
        topic=contract.topic,
        max_bytes=contract.kafka.max_event_bytes,
        late=None if day.late_days == "any" else timedelta(days=day.late_days),
        early=timedelta(minutes=day.early_minutes),
        keep=contract.dedupe.keep,
        parse=parser(contract),
        transform=transform,
        occurred_at=itemgetter(day.source),
        day=_calendar(day.timezone),
        partition_key=_partition_key(contract),
        bad_key=_bad_key(contract),
        dedupe_key=_dedupe_key(contract),
        line=_liner(contract.landed),
        warnings=warnings(contract.fields),
        explode=explode,
        remember=timedelta(days=contract.dedupe.remember_days),
        runs=day.runs,
    )


Exploding = Callable[[Row], tuple[Row, tuple[Row, ...]]]


def _transformer(
    contract: Contract, pii_key: bytes | None
) -> tuple[Callable[[Row], Row], Exploding | None]:
    columns, steps = contract.sent, list[Step]()
    before: list[Step] = []
    rows: Rows | None = None
    for transform in contract.transform:
        if isinstance(transform, Explode):
            rows, before, steps = transform.rows(columns), steps, []
            named = {name: columns[name] for name in contract.dedupe.by}
        else:
            steps.append(transform.step(columns))
        columns = transform.columns(columns)
    land = _landing(contract, columns, steps, pii_key)
    if rows is None:
        return land, None
    explode = _exploder(before, _landing(contract, named, [], pii_key), rows, land)
    return (lambda event: explode(event)[0]), explode


def _landing(
    contract: Contract, columns: Columns, steps: list[Step], pii_key: bytes | None
) -> Callable[[Row], Row]:
    """Compile what makes a row land: the steps, hashes, without what is dropped."""
    names = [name for name, column in columns.items() if column.pii != "drop"]
    in_order = names == list(contract.sent)
    if any(hides(column) for column in columns.values()):
        steps = [*steps, _hiding(contract, columns, pii_key)]

    if in_order and not steps:
        return lambda event: event  # nobody changes either

    def land(event: Row) -> Row:
        row = event.copy()
        for step in steps:
            step(row)
        return row if in_order else {name: row[name] for name in names}

    return land


def _exploder(
    before: list[Step], name: Callable[[Row], Row], rows: Rows, land: Callable[[Row], Row]
) -> Exploding:
    """`before` are the steps of the event as a whole, `name` keeps of it what names it."""

    def explode(event: Row) -> tuple[Row, tuple[Row, ...]]:
        row = event.copy()
        for step in before:
            step(row)
        return name(row), tuple(map(land, rows(row)))

    return explode


def _hiding(contract: Contract, columns: Columns, key: bytes | None) -> Step:
    hashed = [place for name, column in columns.items() for place in hashed_in(column, name)]
    if hashed and (key is None or len(key) < MIN_KEY_BYTES):
        raise Fatal(
            f"{contract.event}: {', '.join(hashed)} must be hashed; set {PII_KEY} to a secret of "
            f"{MIN_KEY_BYTES} bytes or more, the same in every process"
        )
    hide = PiiHash(key or b"")
    changes = [(n, hider(c, hide)) for n, c in columns.items() if c.pii != "drop" and hides(c)]

    def step(row: Row) -> None:
        for name, change in changes:
            row[name] = change(row[name])

    return step


def _calendar(timezone: str) -> Callable[[datetime], date]:
    tz = UTC if timezone == "UTC" else zone(timezone)
    # Parsed moments are in UTC already, and most calendars too.
    return lambda moment: (moment if moment.tzinfo is tz else moment.astimezone(tz)).date()


def _partition_key(contract: Contract) -> Callable[[Row], bytes]:
    name = contract.kafka.key
    return lambda event: str(event[name]).encode()


def _bad_key(contract: Contract) -> Callable[[Any], bytes]:
    """Find the key in an event as it was sent, which may be nested and is not what it should be."""
    name = contract.kafka.key
    way = contract.fields[name].way(name)

    def bad_key(event: Any) -> bytes:
        for step in way:
            event = event[step]
        return str(event).encode()

    return bad_key


def _dedupe_key(contract: Contract) -> Callable[[Row], bytes]:
    """Hash a JSON list of the key columns, or of all columns where the newest copy stands.

    JSON keeps ("a", "bc") apart from ("ab", "c"), and 1 from "1". Its keys are sorted: copies may
    differ in the order that a language gave a map.
    """
    last = contract.dedupe.keep == "last"
    names = list(contract.landed if last else contract.dedupe.by)
    encode = _encoders(contract.landed, names)

    def dedupe_key(row: Row) -> bytes:
        values = [row[name] for name in names]
        for index, change in encode:
            if (value := values[index]) is not None:
                values[index] = change(value)
        return blake2b(_dump(values, sort=True), digest_size=16).digest()

    return dedupe_key


def _encoders(columns: Columns, names: list[str]) -> list[tuple[int, Callable[[Any], Any]]]:
    changes = ((i, encoder(columns[name])) for i, name in enumerate(names))
    return [(index, change) for index, change in changes if change is not None]


def _liner(columns: Columns) -> Callable[[Row, date], bytes]:
    names = list(columns)
    encode = [(names[index], change) for index, change in _encoders(columns, names)]

    def line(row: Row, day: date) -> bytes:
        out = {"day": day.isoformat(), **row}
        for name, change in encode:
            if (value := out[name]) is not None:
                out[name] = change(value)
        return _dump(out)

    return line


def _dump(value: Any, sort: bool = False) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:  # an integer beyond 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort)
        return text.encode()
