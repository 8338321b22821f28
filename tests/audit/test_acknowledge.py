"""Losses come by the hundred, a partition each: they are acknowledged in one command."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.audit.memory import memory_of
from app.audit.scratch import Scratch
from app.cli import command_line
from app.core.seal import Range
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Acknowledgement, ChainStart, Incident, Ledger
from tests.audit.world import NOON

WHY = "the shop sent them again"
OLD, NEW, OTHER = "events.order.v1", "events.order.v2", "events.page.v1"


@pytest.fixture
async def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ledger]:
    """Two versions of an event, with 12 partitions each, and another event; an incident of each."""
    options = LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("LEDGER__URL", options.url)
    made = await open_ledger(options)
    tps = [(f"{topic}/{n}", topic.split(".")[1]) for topic in (OLD, NEW) for n in range(12)]
    for tp, event in [*tps, (f"{OTHER}/0", "page")]:
        await made.start_chains([ChainStart(event, tp, 0, "topic-1")])
    for number, (tp, event) in enumerate([tps[0], tps[12], (f"{OTHER}/0", "page")]):
        lost = Range(tp, 0, 40, 0)
        await made.record_incident(Incident(f"0{number}I", event, lost, "lost", NOON, "topic-1"))
    yield made
    await made.close()


async def typed(folder: Path, *words: str) -> Result:
    full = ["ledger", "acknowledge", "--data-dir", str(folder), "--why", WHY, *words]
    return await asyncio.to_thread(CliRunner().invoke, command_line("ledger"), full)


async def kept(ledger: Ledger) -> Mapping[str, Acknowledgement]:
    return await ledger.acknowledged()


async def test_incidents_and_partitions_are_acknowledged_together(
    ledger: Ledger, tmp_path: Path
) -> None:
    result = await typed(tmp_path, "00I", f"{OLD}/3", f"{OLD}/4")
    assert result.exit_code == 0, result.output
    assert (await kept(ledger)).keys() == {"00I", f"{OLD}/3", f"{OLD}/4"}
    assert result.output.count(WHY) == 3


async def test_a_topic_means_all_its_partitions_also_those_that_only_an_audit_has_seen(
    ledger: Ledger, tmp_path: Path
) -> None:
    options = LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db")
    with closing(Scratch(tmp_path / memory_of(options))) as memory:
        memory.add("log_ends", f"{OLD}/12", "", "order", 7, NOON.isoformat())
        memory.keep()
    result = await typed(tmp_path, OLD)
    assert result.exit_code == 0, result.output
    assert list(await kept(ledger)) == sorted(f"{OLD}/{n}" for n in range(13))
    assert f"of {OLD}, partitions acknowledged: 13" in result.output
    assert WHY in result.output


async def test_all_of_an_event_means_its_incidents_and_the_partitions_of_all_its_versions(
    ledger: Ledger, tmp_path: Path
) -> None:
    assert (await typed(tmp_path, "00I", "--json")).exit_code == 0
    before = (await kept(ledger))["00I"]
    result = await typed(tmp_path, "--all-of", "order", "--json")
    assert result.exit_code == 0, result.output
    wanted = {"01I", *(f"{topic}/{n}" for topic in (OLD, NEW) for n in range(12))}
    assert {said["incident"] for said in orjson.loads(result.stdout)} == wanted
    after = await kept(ledger)
    assert after.keys() == wanted | {"00I"}
    assert after["00I"] == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([f"{OLD}/3", "09I"], id="an incident"),
        pytest.param([f"{OLD}/3", "events.order.v7"], id="a topic"),
        pytest.param([f"{OLD}/3", "events.nobody.v1/0"], id="a partition"),
        pytest.param([f"{OLD}/3", "--all-of", "nobody"], id="an event"),
        pytest.param([], id="nothing named"),
    ],
)
async def test_nothing_is_acknowledged_if_one_of_the_names_is_unknown(
    ledger: Ledger, tmp_path: Path, words: list[str]
) -> None:
    result = await typed(tmp_path, *words)
    assert result.exit_code == 2
    assert not await kept(ledger)
