"""Random events of a contract: valid by construction, and judged before they are given away."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.fields import Way
from app.contracts.model import Contract
from app.contracts.sample_values import Maker, Unmakeable, written
from app.core.errors import Fatal, Rejected
from app.core.judge import Accepted, judge
from app.core.transforms import zone

ATTEMPTS = 200
Event = dict[str, Any]


def sample_events(
    contract: Contract,
    count: int,
    seed: int,
    start: datetime,
    span: timedelta,
    *,
    optional: bool = True,
) -> Iterator[Event]:
    """Make `count` events that happen in the `span` from `start` on (aware).

    Without `optional` they hold only what every event must have. The same arguments give the same
    events, whatever the machine.

    Raises:
        Fatal: what the contract asks for was not found, such as text for a pattern that no text
            of the allowed length matches.
    """
    random, kind = Random(seed), compile_contract(contract, EXAMPLE_PII_KEY)
    for _ in range(count):
        why = ""
        for _ in range(ATTEMPTS):
            moment = start + timedelta(milliseconds=int(span / MILLISECOND * random.random()))
            event = _event(contract, Maker(random, moment, optional=optional))
            verdict = judge(kind, as_sent(event), moment)
            if isinstance(verdict, Accepted):
                yield event
                break
            if isinstance(verdict, Rejected):
                why = f"; the last was rejected: {verdict.message}"
        else:
            raise Fatal(f"{contract.event}: {ATTEMPTS} random events, and none was good{why}")


def as_sent(event: Event) -> bytes:
    """The event as one line of JSON; its numbers may have more than 64 bits."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def day_of(contract: Contract, day: date) -> tuple[datetime, timedelta]:
    """When a calendar day of the contract's time zone starts, and how long it lasts."""
    tz = zone(contract.day.timezone)
    start, end = (datetime.combine(d, time(), tz).astimezone(UTC) for d in (day, day + A_DAY))
    return start, end - start


MILLISECOND = timedelta(milliseconds=1)
A_DAY = timedelta(days=1)


def _event(contract: Contract, make: Maker) -> Event:
    event: Event = {}
    for name, field in contract.fields.items():
        if name == contract.day.source:
            _put(event, field.way(name), written(make.moment, field))
        elif make.wants(field):
            try:
                _put(event, field.way(name), make.value(field))
            except Unmakeable as error:
                raise Fatal(f"{contract.event}: fields.{name}: {error}") from None
    return event


def _put(container: Any, way: Way, value: Any) -> None:
    """Set a value deep in the event, and make the objects and lists on the way to it."""
    step, *further = way
    if isinstance(step, int):
        container += [None] * (step + 1 - len(container))
    if not further:
        container[step] = value
        return
    inner = container[step] if isinstance(step, int) else container.get(step)
    if inner is None:
        inner = container[step] = [] if isinstance(further[0], int) else {}
    _put(inner, tuple(further), value)
