"""`forebay send`, as a user types it."""

import asyncio
import gzip
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.core.errors import Fatal
from tests.send.front_door import ACCEPTED, FrontDoor, front_door, refusal, rejected


async def typed(door: FrontDoor, path: Path, *more: str) -> Result:
    """Run the command beside the server; errors made on purpose come out as they are."""
    words = ["send", str(path), "--type", "order_placed", "--data-dir", str(path.parent), *more]
    async with front_door(door):
        words += ["--gateway", door.url]
        return await asyncio.to_thread(CliRunner().invoke, command_line("send"), words)


@pytest.fixture(autouse=True)
def no_topic_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPICS_DIR", str(tmp_path / "none"))


async def test_a_file_is_sent_and_the_sum_is_told(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"id":1}\n{"id":2}\n'))
    door = FrontDoor()
    result = await typed(door, path)
    assert result.exit_code == 0, result.output
    assert "2 sent, 2 accepted, 0 rejected" in result.output
    assert sorted(door.taken) == [b'{"id":1}', b'{"id":2}']


async def test_all_requests_name_the_run_that_the_events_are_of(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b'{"id":1}\n{"id":2}\n')
    run = "2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1B"
    door = FrontDoor()
    assert (await typed(door, path, "--batch", "1", "--run", run)).exit_code == 0
    assert (len(door.requests), door.runs) == (2, {run})
    assert (await typed(door, path)).exit_code == 0
    assert door.runs == {run, ""}
    closed = FrontDoor(first=[refusal(409)])
    result = await typed(closed, path, "--run", run)
    assert isinstance(result.exception, Fatal)
    assert "409" in str(result.exception)


async def test_rejected_lines_are_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,n\n1,5\n2,-5\n")
    result = await typed(FrontDoor(), path)
    assert result.exit_code == 1
    assert "schema" in result.output
    assert "do it right" in result.output


async def test_json_is_for_machines(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,n\n1,5\n2,-5\n3,NA\n")
    door = FrontDoor()
    result = await typed(door, path, "--json", "--batch", "1", "--encoding", "zstd")
    told = orjson.loads(result.stdout)
    assert (told["sent"], told["accepted"], told["rejections"]) == (3, 2, 1)
    assert told["rejected"]["schema"]["first"] == [
        {"line": 3, "field": "n", "message": "do it right"}
    ]
    assert sorted(door.taken) == [b'{"id":1,"n":5}', b'{"id":3}']
    assert door.encodings == {"zstd"}


async def test_what_the_gateway_warns_of_is_told_with_its_number_of_events(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b'{"id":1}\n{"id":2}\n{"old":3}\n')
    warnings = [{"field": "old", "message": "old is deprecated"}]
    warning = FrontDoor(
        verdict=lambda line: ACCEPTED | ({"warnings": warnings} if b"old" in line else {})
    )
    result = await typed(warning, path)
    assert result.exit_code == 0
    assert "old is deprecated" in result.output
    told = orjson.loads((await typed(warning, path, "--json")).stdout)
    assert told["warnings"] == {"old is deprecated": 1}


async def test_words_that_mean_nothing_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,land\n1,NA\n2,-\n")
    door = FrontDoor()
    assert (await typed(door, path, "--missing", "-")).exit_code == 0
    assert sorted(door.taken) == [b'{"id":1,"land":"NA"}', b'{"id":2}']


async def test_giving_up_is_exit_code_3_and_says_where_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b'{"id":1}\n')
    door = FrontDoor(first=[refusal(503, Retry_After="0")] * 100)
    result = await typed(door, path, "--patience", "0.2")
    assert result.exit_code == 3
    assert "Everything before line 1 is settled" in " ".join(result.output.split())


async def test_an_unknown_type_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b'{"id":1}\n')
    result = await typed(FrontDoor(verdict=lambda line: rejected("unknown_event")), path)
    assert isinstance(result.exception, Fatal)
    assert "--type order_placed" in str(result.exception)


async def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert (await typed(FrontDoor(), tmp_path / "nothing.csv")).exit_code == 2
