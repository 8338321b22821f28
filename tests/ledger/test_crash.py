"""What was acknowledged is there after a crash, whoever crashed and whenever."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.core.seal import Seal
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from tests.ledger.examples import EVENT, OTHER_TP, TP, seal, span, start
from tests.servers.mongo import SecantusServer

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def writing(options: LedgerOptions) -> AsyncIterator[asyncio.subprocess.Process]:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ledger.writer", options.url, options.database,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield writer
    finally:
        if writer.returncode is None:
            writer.kill()
        await writer.wait()


async def acknowledged(writer: asyncio.subprocess.Process, at_least: int) -> list[str]:
    assert writer.stdout is not None
    lines = [(await writer.stdout.readline()).decode().strip() for _ in range(at_least)]
    assert all(lines), "the writer ended before it was killed"
    return lines


async def the_rest(writer: asyncio.subprocess.Process) -> list[str]:
    assert writer.stdout is not None
    return (await writer.stdout.read()).decode().split()


async def assert_whole(options: LedgerOptions, acknowledged: list[str]) -> None:
    """Every acknowledged seal is there, in chains without a hole that go on at their cursors."""
    ledger = await open_ledger(options)
    try:
        seals = [s async for s in ledger.seals()]
        assert set(acknowledged) <= {s.id for s in seals}
        # One more may have been recorded than was heard of.
        assert len(seals) - len(acknowledged) in (0, 1)
        for tp in (TP, OTHER_TP):
            links = [link async for link in ledger.chain(tp)]
            assert [link.range.first for link in links[1:]] == [10 * n for n in range(len(seals))]
        cursors = await ledger.cursors([TP, OTHER_TP])
        assert {c.next for c in cursors.values()} == {10 * len(seals)}
        assert [len(day.seals) for day in await ledger.dirty(EVENT)] == [len(seals)]
        going_on = seal(span(10 * len(seals), 10 * len(seals) + 10))
        await ledger.record(going_on)
    finally:
        await ledger.close()


async def test_a_killed_writer_leaves_every_acknowledged_seal(options: LedgerOptions) -> None:
    async with writing(options) as writer:
        heard = await acknowledged(writer, 40)
        writer.kill()
        heard += await the_rest(writer)
    await assert_whole(options, heard)


async def test_a_writer_killed_again_and_again_leaves_every_acknowledged_seal(
    sqlite_options: LedgerOptions,
) -> None:
    ledger = await open_ledger(sqlite_options)
    heard: list[str] = []
    for turn in range(4):
        async with writing(sqlite_options) as writer:
            heard += await acknowledged(writer, 3 + 7 * turn)
            writer.kill()
            heard += await the_rest(writer)
        assert set(heard) <= {s.id async for s in ledger.seals()}
    await ledger.close()


async def test_a_writer_killed_right_after_its_commit_finds_its_seal_when_it_tries_again(
    options: LedgerOptions,
) -> None:
    ledger = await open_ledger(options)
    await ledger.start_chains([start(), start(OTHER_TP)])
    made = seal(span(0, 10), span(0, 10, OTHER_TP))
    recording = multiprocessing.get_context("spawn").Process(
        target=record_and_die, args=(options, made)
    )
    recording.start()
    await asyncio.to_thread(recording.join, 60)
    assert recording.exitcode == -signal.SIGKILL
    assert [s async for s in ledger.seals()] == [made]
    await ledger.record(made)  # nobody had heard that it was recorded
    assert [s async for s in ledger.seals()] == [made]
    await ledger.record(seal(span(10, 20), span(10, 20, OTHER_TP)))
    await ledger.close()


def record_and_die(options: LedgerOptions, made: Seal) -> None:
    async def record() -> None:
        ledger = await open_ledger(options)
        await ledger.record(made)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(record())


async def test_a_killed_server_leaves_every_acknowledged_seal(tmp_path: Path) -> None:
    server = SecantusServer(tmp_path / "mongo")
    await server.start()
    options = LedgerOptions(url=server.url)
    try:
        async with writing(options) as writer:
            heard = await acknowledged(writer, 60)
            server.kill()
            heard += await the_rest(writer)
        await server.start()
        await assert_whole(options, heard)
    finally:
        await server.stop()
