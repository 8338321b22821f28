"""Dead letters: counted by the ledger, grouped as far as the newest objects tell, and tried anew.

All of a type may be millions, so a page reads the newest ones only, and says so; `forebay
dead-letters` reads all. Nothing here changes anything: what is tried is only judged.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from secrets import token_bytes
from typing import Any

import orjson
from aiohttp import web

from app.console.cells import Cell, ago, number
from app.console.data import Data
from app.console.listing import Column, Listing, Query, listed
from app.console.page import Page
from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Fatal
from app.core.pii import MIN_KEY_BYTES
from app.ledger.disposed import Disposed
from app.ledger.sums import DeadSum
from app.letters.fix.mend import Fix, parse_fix
from app.letters.groups import Group, Groups
from app.letters.letter import Letter
from app.letters.stored import Wanted, letters_in
from app.letters.trial import Trial

DEFAULTS = {"days": "7", "q": "", "sort": "dead", "dir": "desc"}
GROUP_DEFAULTS = {"q": "", "sort": "open", "dir": "desc", "reason": "", "field": ""}
SPANS = (1, 7, 30, 90)
MOST_OBJECTS = 50
MOST_LETTERS = 5_000
MOST_SECONDS = 15.0
MOST_FIX = 20_000
"""Characters of a fix."""
TURN = 50
"""Letters judged before others get their turn."""


@dataclasses.dataclass(frozen=True, slots=True)
class Grouped:
    """The groups of the newest letters of a type: so many were `read`, and `all` says whether
    there are no more."""

    groups: Sequence[Group]
    read: int
    all: bool


async def letters_page(data: Data, given: Mapping[str, str]) -> Page:
    """Of all types, as the ledger counts them."""
    query, now = Query(DEFAULTS, given), data.now()
    days = int(query["days"]) if query["days"] in map(str, SPANS) else 7
    sums = await data.dead(days)

    def event(one: DeadSum) -> Cell:
        kind = data.kinds.get(one.event)
        return Cell(one.event, f"dead-letters/{one.event}", more=kind.app if kind else "")

    columns: list[Column[DeadSum]] = [
        Column("type", "Event type", event, lambda one: one.event),
        Column("reason", "Reason", lambda one: Cell(one.reason, tone="code"),
               lambda one: one.reason),
        Column("dead", "Dead letters", lambda one: number(one.dead, "bad"), lambda one: one.dead,
               True),
        Column("seals", "Seals", lambda one: number(one.seals), lambda one: one.seals, True,
               "Seals that have any"),
        Column("last", "Last", lambda one: ago(one.last, now), lambda one: one.last, True),
    ]  # fmt: skip
    table = listed(
        "Dead letters by type and reason",
        sums,
        columns,
        query,
        lambda one: f"{one.event} {one.reason}",
        foot=lambda rows: [
            Cell("together"), Cell(), number(sum(one.dead for one in rows)), Cell(), Cell()
        ],
        empty="No event was rejected in this time.",
        noun="kinds",
    )  # fmt: skip
    spans = [(str(n), "1 day" if n == 1 else f"{n} days") for n in SPANS]
    said = {"query": query, "table": table, "spans": spans, "days": days}
    return Page("letters.html", "Dead letters", "dead-letters", said)


async def group_page(
    data: Data, event: str, given: Mapping[str, str], tried: Mapping[str, Any] | None = None
) -> Page:
    """Of one type, by reason and field, each with a masked example. Raises `HTTPNotFound`."""
    if event not in data.kinds and all(one.event != event for one in await data.dead(90)):
        raise web.HTTPNotFound
    query = Query(GROUP_DEFAULTS, given)

    async def ask() -> Grouped:
        async with asyncio.timeout(MOST_SECONDS):
            return await _grouped(data, event)

    found = await data.answers.of(("letters", event), ask)
    said = {
        "event": event,
        "known": event in data.kinds,
        "query": query,
        "found": found,
        "table": _table(event, found, query),
        "examples": [(group, _pretty(group.example)) for group in found.groups],
        "tried": tried or {},
    }
    return Page("group.html", f"Dead letters of {event}", "dead-letters", said)


async def try_replay(data: Data, event: str, form: Mapping[str, str]) -> dict[str, Any]:
    """What would become of the newest open letters if they were sent again; sends nothing.

    Raises:
        Fatal: the fix can not be read.
    """
    contract = data.kinds.contract(event)
    text = form.get("fix", "").strip()
    if len(text) > MOST_FIX:
        raise Fatal(f"a fix has {MOST_FIX:,} characters at most")
    fix = parse_fix(text) if text else None
    wanted = Wanted(event, form.get("reason") or None, form.get("field") or None)
    key = data.stores.pii_key or token_bytes(MIN_KEY_BYTES)  # hashes are not looked at here
    kind = compile_contract(contract, key)
    async with asyncio.timeout(MOST_SECONDS):
        trial = Trial(kind, contract, fix, await data.stores.ledger.summarised_days(event))
        with Disposed() as disposed:
            await disposed.read(data.stores.ledger, event)
            count = 0
            async for letter in _newest(data, event):
                count += 1
                if count % TURN == 0:
                    await asyncio.sleep(0)
                if not wanted.letter(letter):
                    continue
                if disposed.fate(*letter.name) is not None:
                    trial.outcomes.done += 1
                else:
                    trial.judge(letter)
    return {"outcomes": trial.outcomes, "steps": _steps(fix), "read": count, "fix": text,
            "reason": wanted.reason, "field": wanted.field}  # fmt: skip


def _steps(fix: Fix | None) -> list[tuple[str, int]]:
    return list(zip(fix.told(), fix.changed, strict=True)) if fix else []


async def _grouped(data: Data, event: str) -> Grouped:
    contracts: dict[str, Contract] = {}
    if event in data.kinds:
        contracts[event] = data.kinds.contract(event)
    with Disposed() as disposed:
        await disposed.read(data.stores.ledger, event)
        groups = Groups(contracts, disposed)
        read = 0
        async for letter in _newest(data, event):
            groups.take(letter)
            read += 1
            if read % TURN == 0:
                await asyncio.sleep(0)
    objects = await data.stores.ledger.newest_dead(event, MOST_OBJECTS + 1)
    is_all = read < MOST_LETTERS and len(objects) <= MOST_OBJECTS
    return Grouped(groups.found(all=True), read, is_all)


async def _newest(data: Data, event: str) -> AsyncIterator[Letter]:
    """The letters of the newest objects, until there are enough."""
    count = 0
    for stored in await data.stores.ledger.newest_dead(event, MOST_OBJECTS):
        async for letter in letters_in(data.stores.objects, stored.key):
            yield letter
            count += 1
            if count >= MOST_LETTERS:
                return


def _table(event: str, found: Grouped, query: Query) -> Listing:
    def place(group: Group) -> Cell:
        return Cell(group.field or "–", tone="code" if group.field else "dim")

    def pick(group: Group) -> Cell:
        href = query.to(reason=group.reason, field=group.field or "") + "#try"
        return Cell("try it", f"dead-letters/{event}{href}")

    columns: list[Column[Group]] = [
        Column("reason", "Reason", lambda group: Cell(group.reason, tone="code"),
               lambda group: group.reason),
        Column("field", "Field", place, lambda group: group.field),
        Column("open", "Open", lambda group: number(group.open, "bad"), lambda group: group.open,
               True, "Nothing was done about them"),
        Column("replayed", "Replayed", lambda group: number(group.as_json()["replayed"]),
               lambda group: group.as_json()["replayed"], True),
        Column("dropped", "Dropped", lambda group: number(group.as_json()["dropped"]),
               lambda group: group.as_json()["dropped"], True),
        Column("days", "Received", lambda group: Cell(_days(group)), lambda group: group.last),
        Column("try", "Replay", pick),
    ]  # fmt: skip
    return listed(
        "Groups of the newest dead letters",
        found.groups,
        columns,
        query,
        lambda group: f"{group.reason} {group.field or ''}".lower(),
        empty="No dead letters of this type.",
        noun="groups",
    )


def _days(group: Group) -> str:
    return f"{group.first}" if group.first == group.last else f"{group.first} – {group.last}"


def _pretty(example: Any) -> str:
    if isinstance(example, str):
        return example
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
