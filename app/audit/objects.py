"""The objects that seals name: each is there, as it was stored; those nobody names are counted."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date

from app.audit.report import Finding, FindingKind, Findings, ObjectBalance
from app.audit.scratch import Scratch
from sinks.protocol import ObjectStat, ObjectStore

BY_KEY = """
SELECT key, event, day, kind, rows, bytes, sha256, etag, seal FROM objects
WHERE key >= ? AND key < ? ORDER BY key
"""
LAST = "\U0010ffff"
FOLDERS = "SELECT DISTINCT rtrim(key, replace(key, '/', '')) FROM objects WHERE shelf = ?"
SHOWN_STRAYS = 3


@dataclass(frozen=True, slots=True)
class Named:
    """An object as its seal describes it; `day` and `kind` as text."""

    key: str
    event: str
    day: str
    kind: str
    rows: int
    bytes: int
    sha256: str
    etag: str
    seal: str

    def finding(self, kind: FindingKind, text: str) -> Finding:
        return Finding(
            kind,
            f"{self.key} ({self.event} {self.day}, {self.rows} {self.kind}, seal {self.seal}): "
            f"{text}",
            event=self.event,
            day=date.fromisoformat(self.day),
            object=self.key,
            seal=self.seal,
        )


async def compare_with_store(
    store: ObjectStore, scratch: Scratch, prefixes: Collection[str], findings: Findings
) -> tuple[ObjectBalance, list[str]]:
    """Walk the store's listing and the seals' objects side by side, both by ascending key.

    The seals must have been read before the listing. Returns the counts, and the keys of the
    first few objects that no seal names.
    """
    balance = ObjectBalance()
    strays: list[str] = []
    for prefix in sorted(prefixes):
        await _compare(store, scratch, prefix, balance, strays, findings)
    return balance, strays


async def _compare(
    store: ObjectStore,
    scratch: Scratch,
    prefix: str,
    balance: ObjectBalance,
    strays: list[str],
    findings: Findings,
) -> None:
    listing = _counted(store.list(prefix), balance)
    stat = await anext(listing, None)
    before = ""
    for row in scratch.rows(BY_KEY, prefix, prefix + LAST):
        named = Named(*row)
        balance.named += 1
        balance.bytes += named.bytes
        while stat is not None and stat.key < named.key:
            if stat.key != before:
                _count_stray(balance, strays, stat)
            stat = await anext(listing, None)
        if named.key == before:
            findings.add(_shared(named))
        elif stat is None or stat.key != named.key:
            findings.add(_lost(named))
        elif (stat.bytes, stat.etag) != (named.bytes, named.etag):
            findings.add(_changed(named, stat))
        before = named.key
    while stat is not None:
        if stat.key != before:
            _count_stray(balance, strays, stat)
        stat = await anext(listing, None)


def folders(scratch: Scratch, shelves: Collection[str]) -> set[str]:
    """The folders with objects of these shelves' seals."""
    return {folder for shelf in shelves for (folder,) in scratch.rows(FOLDERS, shelf)}


def top_folders(scratch: Scratch, events: Collection[str]) -> list[str]:
    """The folders at the top that are ours: the bucket may hold other people's objects."""
    found = {f"{event}/" for event in events} | {"_dead/"}
    for (top,) in scratch.rows("SELECT DISTINCT substr(key, 1, instr(key, '/')) FROM objects"):
        found.add(top)
    return [""] if "" in found else sorted(found)


async def _counted(
    listing: AsyncIterator[ObjectStat], balance: ObjectBalance
) -> AsyncIterator[ObjectStat]:
    async for stat in listing:
        balance.listed += 1
        yield stat


def _count_stray(balance: ObjectBalance, strays: list[str], stat: ObjectStat) -> None:
    balance.strays += 1
    balance.stray_bytes += stat.bytes
    if len(strays) < SHOWN_STRAYS:
        strays.append(stat.key)


def _lost(named: Named) -> Finding:
    return named.finding(
        FindingKind.OBJECT_MISSING,
        "the object is not in the store; bring it back (the bucket's versions, a backup), or "
        "read the seal's offsets again. Its day can not be loaded without it.",
    )


def _changed(named: Named, stat: ObjectStat) -> Finding:
    return named.finding(
        FindingKind.OBJECT_CHANGED,
        f"the store has {stat.bytes} bytes with etag {stat.etag}, the seal wrote {named.bytes} "
        f"with etag {named.etag}; bring the object back as it was. Its day can not be loaded "
        "until then.",
    )


def _shared(named: Named) -> Finding:
    return named.finding(
        FindingKind.OBJECT_SHARED,
        "another seal names the same object, so its rows are counted twice; one of the two "
        "entries must go.",
    )
