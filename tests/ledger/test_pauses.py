"""Pauses: kept durably until somebody resumes."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from app.core.pause import Activity, Pause, PausedBy
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from tests.ledger.examples import EVENT, NOON

PAUSE = Pause(EVENT, Activity.CONSUME, "the till sends euros as cents", PausedBy.OPERATOR, NOON)


async def test_a_pause_stands_for_every_reader_until_it_is_resumed(
    ledger: Ledger, other: Ledger
) -> None:
    assert await other.pauses() == []
    assert await ledger.pause(PAUSE) == PAUSE
    assert await other.pauses() == [PAUSE]
    assert await other.resume(EVENT, Activity.LOAD) is None
    assert await other.resume(EVENT, Activity.CONSUME) == PAUSE
    assert await ledger.pauses() == []
    assert await ledger.resume(EVENT, Activity.CONSUME) is None


async def test_the_first_pause_stays_whoever_says_what_later(ledger: Ledger, other: Ledger) -> None:
    await ledger.pause(PAUSE)
    again = replace(PAUSE, why="700 of 900 rejected", by=PausedBy.BREAKER, at=NOON + timedelta(1))
    assert await other.pause(again) == PAUSE
    await ledger.resume(EVENT, Activity.CONSUME)
    assert await other.pause(again) == again


async def test_activities_and_types_are_paused_apart_and_listed_in_order(ledger: Ledger) -> None:
    both = [PAUSE, replace(PAUSE, what=Activity.LOAD, by=PausedBy.BREAKER)]
    for one in (replace(PAUSE, event="page_seen"), *reversed(both)):
        await ledger.pause(one)
    assert await ledger.pauses() == [*both, replace(PAUSE, event="page_seen")]
    await ledger.resume(EVENT, Activity.LOAD)
    assert await ledger.pauses() == [PAUSE, replace(PAUSE, event="page_seen")]


async def test_of_two_who_pause_at_once_both_are_told_the_same(
    ledger: Ledger, other: Ledger
) -> None:
    said = [replace(PAUSE, why=f"{n}") for n in range(6)]
    handles = [ledger, other] * 3
    told = await asyncio.gather(*(h.pause(p) for h, p in zip(handles, said, strict=True)))
    assert len(set(told)) == 1
    assert await ledger.pauses() == [told[0]]


async def test_a_pause_is_known_to_whoever_comes_later(
    ledger: Ledger, options: LedgerOptions
) -> None:
    await ledger.pause(PAUSE)
    again = await open_ledger(options)
    assert await again.pauses() == [PAUSE]
    await again.close()
