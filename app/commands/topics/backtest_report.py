"""What a backtest found, for people and for machines."""

from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console

from app.backtest.trial import Sample, TypeTrial
from app.commands.output import listing

MAX_TEXT = 1_500


def show(types: list[TypeTrial], out: Console) -> None:
    """For people: what differs, with samples side by side."""
    if not types:
        out.print("No events were recorded in that time.")
        return
    table = listing("event", "judged", "same", "verdict differs", "columns that differ")
    for one in types:
        turned = sum(one.turns.values())
        columns = ", ".join(f"{name} {count:,}" for name, count in one.columns.most_common())
        table.add_row(
            one.event, f"{one.judged:,}", f"{one.judged - turned:,}", f"{turned:,}", columns or "–"
        )
    out.print(table)
    for one in types:
        _show_type(one, out)


def _show_type(one: TypeTrial, out: Console) -> None:
    if not one.changed:
        return
    out.print(f"\n{one.event}", style="bold", markup=False)
    for verdict in sorted(one.now.keys() | one.then.keys()):
        out.print(f"  {verdict}: {one.now[verdict]:,} → {one.then[verdict]:,}", markup=False)
    for change, samples in one.samples.items():
        out.print(f"  {change}, such as", markup=False)
        for sample in samples:
            out.print(f"    {sample.place}", markup=False)
            for side, text in (("now ", _told(sample, 0)), ("then", _told(sample, 1))):
                out.print(f"      {side} {text}", markup=False, soft_wrap=True)


def _told(sample: Sample, side: int) -> str:
    """The verdict, and of the rows what the two sides do not share."""
    mine, other = ((sample.now, sample.then), (sample.then, sample.now))[side]
    if not mine.rows:
        return f"{mine.verdict}: {mine.why}" if mine.why else mine.verdict
    rows: list[Mapping[str, Any]] = list(mine.rows)
    if other.rows:
        pairs = zip(mine.rows, other.rows, strict=False)
        rows = [{n: v for n, v in a.items() if n not in b or b[n] != v} for a, b in pairs]
    text = " ".join(orjson.dumps(row).decode() for row in rows)
    return f"{mine.verdict} {text[:MAX_TEXT]}" + ("…" if len(text) > MAX_TEXT else "")


def as_json_of(one: TypeTrial) -> dict[str, Any]:
    """For machines."""
    return {
        "event": one.event,
        "judged": one.judged,
        "now": dict(one.now),
        "then": dict(one.then),
        "turns": [
            {"from": now, "to": then, "events": count} for (now, then), count in one.turns.items()
        ],
        "columns": dict(one.columns),
        "samples": [
            {"change": change, "place": s.place, "now": _side(s, 0), "then": _side(s, 1)}
            for change, samples in one.samples.items()
            for s in samples
        ],
    }


def _side(sample: Sample, side: int) -> dict[str, Any]:
    outcome = (sample.now, sample.then)[side]
    why = {"why": outcome.why} if outcome.why else {}
    return {"verdict": outcome.verdict, **why, "rows": list(outcome.rows)}
