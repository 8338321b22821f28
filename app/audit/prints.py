"""Fingerprints: do the rows that stand in the warehouse still make those that the load left?

Counting sees a row that is gone. It does not see one that took another's place; the sums of the
offsets and of their squares do, and where little was changed they name the offset.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isqrt

from app.audit.days import DayFacts, again
from app.audit.report import Finding, FindingKind, Findings
from app.audit.scratch import Scratch
from app.contracts.table import Table
from app.ledger.protocol import DayLoad
from sinks.protocol import DayPrints, Fingerprint, Warehouse

DAYS_AT_ONCE = 366
NOTHING = Fingerprint(0, 0, 0, 0, 0, 0)

OBJECT_OF = """
SELECT o.key, o.seal FROM ranges r JOIN objects o ON o.seal = r.seal
WHERE r.tp = ? AND r.first <= ? AND r.next > ?
  AND o.event = ? AND o.day = ? AND o.kind = 'rows'
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A partition of a day whose rows are not those that load `run` left.

    `by_index`: an event may have several rows.
    """

    event: str
    day: date
    tp: str
    run: str
    loaded: Fingerprint
    standing: Fingerprint
    by_index: bool = False


@dataclass
class PrintsSeen:
    """What came of comparing one event type's fingerprints.

    `unprinted` days hold rows of a load that left no fingerprint: they are only counted.
    """

    differences: list[Difference] = field(default_factory=list)
    unprinted: int = 0


async def compare_prints(
    warehouse: Warehouse, facts: DayFacts, scratch: Scratch, findings: Findings, *, quick: bool
) -> PrintsSeen:
    """Compare what stands with what the load left, and with what the last audit saw stand.

    With `quick` only of days that were loaded since.
    """
    seen = PrintsSeen()
    assert facts.table is not None
    known = dict(scratch.rows("SELECT day, run FROM prints WHERE event = ?", facts.event))
    days = [day for day in facts.days if not quick or _is_new(facts, day, known)]
    for start in range(0, len(days), DAYS_AT_ONCE):
        prints = await warehouse.fingerprints(facts.table, days[start : start + DAYS_AT_ONCE])
        for day, one in prints.items():
            differences = list(_differences(facts.table, one))
            seen.differences += differences
            load = facts.loads.get(day)
            if load is None:
                continue  # rows of a day that nobody loaded are a finding of their own
            if one.loaded is None and load.rows:
                seen.unprinted += 1
            if not differences:
                _compare_with_last_audit(facts.event, one, load, scratch, findings)
    return seen


def _is_new(facts: DayFacts, day: date, known: Mapping[str, str]) -> bool:
    load = facts.loads.get(day)
    return load is None or known.get(day.isoformat()) != load.run


def _differences(table: Table, one: DayPrints) -> Iterable[Difference]:
    if one.loaded is None:
        return
    for tp in sorted({*one.standing, *one.loaded}):
        loaded, standing = one.loaded.get(tp, NOTHING), one.standing.get(tp, NOTHING)
        if loaded != standing:
            yield Difference(
                table.event, one.day, tp, one.run, loaded, standing, table.index is not None
            )


def _compare_with_last_audit(
    event: str, one: DayPrints, load: DayLoad, scratch: Scratch, findings: Findings
) -> None:
    """Whoever changes rows and fingerprint alike, or rows of a load that left none, is seen too."""
    if one.run not in ("", load.run):
        return  # loaded again since the ledger was read
    day, now = one.day.isoformat(), _text(one.standing)
    known = scratch.rows("SELECT run, print FROM prints WHERE event = ? AND day = ?", event, day)
    for run, before in list(known):
        if run == load.run and before != now:
            findings.add(
                Finding(
                    FindingKind.WAREHOUSE_ROWS,
                    f"{event} {day}: load {run} is the last one, as it was at an earlier audit, "
                    "but other rows stand now than stood then; "
                    f"{again(event, day)}.",
                    event=event,
                    day=one.day,
                )
            )
            return
    scratch.change("INSERT OR REPLACE INTO prints VALUES (?, ?, ?, ?)", event, day, load.run, now)


def _text(prints: Mapping[str, Fingerprint]) -> str:
    return " ".join(
        f"{tp}:{p.rows},{p.offsets},{p.squares},{p.keys}" for tp, p in sorted(prints.items())
    )


def name_differences(
    differences: Iterable[Difference], scratch: Scratch, findings: Findings
) -> None:
    """Say of each what it must have been, as closely as the sums tell, and in which object."""
    for one in differences:
        told, first, next_ = deduced(one.loaded, one.standing, by_index=one.by_index)
        where = f"{one.event} {one.day}, {one.tp}"
        key, seal = object_of(scratch, one.event, one.day, one.tp, first, next_)
        of_object = f" (object {key})" if key else ""
        findings.add(
            Finding(
                FindingKind.WAREHOUSE_ROWS,
                f"{where}: load {one.run} left {one.loaded.rows} rows, {one.standing.rows} stand "
                f"there now: {told}{of_object}; {again(one.event, one.day)}.",
                event=one.event, day=one.day, tp=one.tp, first=first, next=next_,
                object=key, seal=seal,
            )
        )  # fmt: skip


def object_of(
    scratch: Scratch, event: str, day: date, tp: str, first: int, next_: int
) -> tuple[str | None, str | None]:
    """The one object that holds these offsets' rows of the day, and its seal; else None."""
    found = [
        set(scratch.rows(OBJECT_OF, tp, at, at, event, day.isoformat()))
        for at in {first, next_ - 1}
    ]
    both = set.intersection(*found)
    return both.pop() if len(both) == 1 else (None, None)


def deduced(
    loaded: Fingerprint, standing: Fingerprint, *, by_index: bool = False
) -> tuple[str, int, int]:
    """The least that can have happened: in words, and the offsets `first` to `next - 1`.

    The three differences of rows, offsets and squares are those of one row or two, or of all the
    rows of one event, or else only the span is told in which it happened.
    """
    rows = loaded.rows - standing.rows
    offsets = loaded.offsets - standing.offsets
    squares = loaded.squares - standing.squares
    sign = -1 if rows < 0 else 1
    if by_index:
        named = _of_one_event(rows, sign * offsets, sign * squares)
        return named or _between(loaded, standing)
    if abs(rows) == 1 and offsets * offsets == sign * squares:
        at = sign * offsets
        return f"offset {at} is {'missing' if rows > 0 else 'there once too often'}", at, at + 1
    if abs(rows) == 2 and (two := _pair(sign * offsets, sign * squares)) is not None:
        what = "are missing" if rows > 0 else "are there once too often"
        return f"offsets {two[0]} and {two[1]} {what}", two[0], two[1] + 1
    if rows == 0 and offsets and squares % offsets == 0:
        gone, twice = (squares // offsets + offsets), (squares // offsets - offsets)
        if gone % 2 == 0 and gone >= 0 and twice >= 0:
            gone, twice = gone // 2, twice // 2
            return f"offset {gone} is missing, {twice} is there once too often", gone, gone + 1
    return _between(loaded, standing)


def _of_one_event(rows: int, offsets: int, squares: int) -> tuple[str, int, int] | None:
    """One row of an event, or all of them, were removed or doubled; or one took another's place.

    What the offsets do not explain of the squares are squares of the rows' indexes.
    """
    if rows == 0:
        return None
    at, rest = divmod(offsets, abs(rows))
    indexes = squares - abs(rows) * at * at
    what = "missing" if rows > 0 else "there once too often"
    if rest or indexes < 0:
        return None
    if abs(rows) == 1:
        row = isqrt(indexes)
        return (f"row {row} of offset {at} is {what}", at, at + 1) if row**2 == indexes else None
    last = abs(rows) - 1
    if indexes == last * (last + 1) * (2 * last + 1) // 6:
        return f"all {abs(rows)} rows of offset {at} are {what}", at, at + 1
    return None


def _between(loaded: Fingerprint, standing: Fingerprint) -> tuple[str, int, int]:
    """Only where it happened."""
    rows = loaded.rows - standing.rows
    first = min(p.first for p in (loaded, standing) if p.rows)
    next_ = max(p.last for p in (loaded, standing) if p.rows) + 1
    if (rows, loaded.offsets, loaded.squares) == (0, standing.offsets, standing.squares):
        return "the offsets are the same, but a key was changed", first, next_
    if standing.rows == 0:
        return "all are missing", first, next_
    several = (
        f"{abs(rows)} {'are missing' if rows > 0 else 'are too many'}" if rows else "exchanged"
    )
    return f"{several}, between {first} and {next_ - 1} (--deep names them)", first, next_


def _pair(offsets: int, squares: int) -> tuple[int, int] | None:
    """Two offsets with this sum and this sum of squares."""
    apart = 2 * squares - offsets * offsets
    if apart < 0 or isqrt(apart) ** 2 != apart or (offsets - isqrt(apart)) % 2:
        return None
    first = (offsets - isqrt(apart)) // 2
    return (first, offsets - first) if first >= 0 else None
