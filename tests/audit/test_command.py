"""`forebay audit`, as a user types it, and what it shows."""

import asyncio
from pathlib import Path

import orjson
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from app.audit import AuditReport, LogEnds
from app.cli import command_line
from app.commands.audit import render
from app.core.seal import Range
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, Incident
from sinks.s3.options import S3Options
from tests.audit.world import NOON, ORDER, PAGE, Got, World, empty_world, fill, tp_of


def shown(report: AuditReport) -> str:
    screen = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    screen.print(render(report))
    return screen.export_text()


async def test_a_balanced_report_ends_with_the_sums(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await fill(world)
        text = shown(await world.audit())
    assert "Balanced: 14 received = 10 staged + 2 duplicates + 2 dead letters" in text
    assert "10 staged = 8 in the warehouse + 1 collapsed at load + 1 waiting for a load" in text
    assert "✗" not in text


async def test_an_unbalanced_report_names_what_it_found_and_ends_with_it(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await fill(world)
        world.sql_warehouse("DELETE FROM RAW.ORDER_PLACED WHERE event_id = '1-0'")
        text = " ".join(shown(await world.audit()).split())
    assert "✗ order_placed 2026-03-01, events.order_placed.v1/1: load run-2 left 1 rows, 0" in text
    assert "offset 0 is missing (object order_placed/v1/dt=2026-03-01/01SEAL0001ORDE" in text
    assert "forebay load --type order_placed --from 2026-03-01" in text
    assert "NOT balanced: 1 warehouse_rows." in text


async def test_types_of_which_nothing_was_received_are_counted_and_not_listed(
    tmp_path: Path,
) -> None:
    async with empty_world(tmp_path) as world:
        await world.seal(ORDER, 1, {0: [Got("staged")]})
        report = await world.audit()
        text = shown(report)
        assert "1 other type: nothing received" in text
        assert (text.count(ORDER), text.count(PAGE)) == (3, 0)
        assert len(report.as_json()["types"]) == 2

        world.logs[tp_of(PAGE, 0)] = LogEnds(0, 5)
        text = shown(await world.audit())
        assert (text.count(ORDER), text.count(PAGE)) == (3, 3)
        assert "nothing received" not in text


async def test_of_very_many_findings_the_first_are_shown(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await many_objects(world, 60)
        world.objects.objects.clear()
        text = shown(await world.audit())
    assert text.count("✗") == 51
    assert "and 10 more" in text


async def many_objects(world: World, count: int) -> None:
    for number in range(count):
        await world.seal(ORDER, number, {0: [Got("staged")]})


@pytest.fixture
def typed(
    kafka: str, s3: S3Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "type[Typed]":
    variables = {
        "KAFKA__BROKERS": kafka,
        "LEDGER__URL": f"sqlite:///{tmp_path}/ledger.db",
        "DUCKDB__PATH": f"{tmp_path}/warehouse.duckdb",
        "S3__ENDPOINT_URL": s3.endpoint_url,
        "S3__REGION": s3.region,
        "S3__BUCKET": s3.bucket,
        "S3__PREFIX": tmp_path.name,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "TOPICS_DIR": str(Path(__file__).parents[2] / "topics"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Typed


class Typed:
    """Runs the command against real servers, in a thread of its own."""

    @staticmethod
    async def audit(*words: str, folder: Path) -> Result:
        typed = ["audit", "--data-dir", str(folder), *words]
        return await asyncio.to_thread(CliRunner().invoke, command_line("audit"), typed)

    @staticmethod
    async def acknowledge(*words: str, folder: Path) -> Result:
        typed = ["ledger", "acknowledge", "--data-dir", str(folder), *words]
        return await asyncio.to_thread(CliRunner().invoke, command_line("ledger"), typed)


async def test_the_command_asks_all_four_witnesses(typed: type[Typed], tmp_path: Path) -> None:
    result = await typed.audit("--json", "--deep", folder=tmp_path)
    told = orjson.loads(result.stdout)
    assert (told["balanced"], told["findings"], result.exit_code) == (True, [], 0)
    assert ORDER in {kind["event"] for kind in told["types"]}


OLDER = tp_of("an_older_event", 0)


@pytest.fixture
async def an_incident(tmp_path: Path) -> str:
    """A ledger that says that 40 offsets of `OLDER` are lost; the incident's id."""
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    await ledger.start_chains([ChainStart(ORDER, OLDER, 0, "topic-1")])
    await ledger.record_incident(
        Incident("01I", ORDER, Range(OLDER, 0, 40, 0), "retention overtook us", NOON, "topic-1")
    )
    await ledger.close()
    return "01I"


async def test_an_incident_makes_the_command_fail_and_names_the_offsets(
    typed: type[Typed], tmp_path: Path, an_incident: str
) -> None:
    result = await typed.audit(folder=tmp_path)
    assert result.exit_code == 1, result.output
    words = " ".join(result.output.split())
    assert f"{OLDER} 0–39: retention overtook us" in words
    assert f"incident {an_incident}" in words
    assert "NOT balanced: 1 incident." in words


async def test_an_acknowledged_incident_is_told_with_its_reason_and_fails_no_audit(
    typed: type[Typed], tmp_path: Path, an_incident: str
) -> None:
    why = "the shop sent them again"
    nobody = await typed.acknowledge("01X", "--why", why, folder=tmp_path)
    empty = await typed.acknowledge(an_incident, "--why", " ", folder=tmp_path)
    known = await typed.acknowledge(an_incident, "--why", why, folder=tmp_path)
    assert (nobody.exit_code, empty.exit_code, known.exit_code) == (2, 2, 0), known.output
    partition = await typed.acknowledge(OLDER, "--why", why, "--json", folder=tmp_path)
    assert [said["incident"] for said in orjson.loads(partition.stdout)] == [OLDER]
    assert "there is no incident, partition or topic 01X" in " ".join(nobody.output.split())
    result = await typed.audit("--json", folder=tmp_path)
    told = orjson.loads(result.stdout)
    assert (told["findings"], result.exit_code) == ([], 0)
    (note,) = [note for note in told["notes"] if an_incident in note]
    assert note.startswith(f"{OLDER} 0–39: retention overtook us")
    assert note.endswith(f": {why}")


async def test_the_command_remembers_unless_it_is_told_to_read_all(
    typed: type[Typed], tmp_path: Path
) -> None:
    read = []
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    await ledger.start_chains([ChainStart(ORDER, OLDER, 0, "topic-1")])
    await ledger.close()
    for words in ([], [], ["--quick"], ["--full"], ["--memory", str(tmp_path / "other.db")]):
        told = orjson.loads((await typed.audit("--json", *words, folder=tmp_path)).stdout)
        assert told["balanced"], told
        read.append(told["reading"]["shelves_read"])
    assert read == [1, 0, 0, 1, 1]
    refused = await typed.audit("--full", "--quick", folder=tmp_path)
    assert refused.exit_code == 2
