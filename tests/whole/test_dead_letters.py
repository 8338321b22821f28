"""Bad events through the whole stack: listed, mended, sent again, twice, and each lands once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.send import send
from tests.faults.steady import terminated
from tests.house.house import House, opened_house, until
from tests.house.servers import Servers

GOOD, BAD, HOPELESS = 40, 30, 5
SENT = GOOD + BAD + HOPELESS
FIX = "[{do: cast, field: number, as: integer}, {do: trim, field: shop}]"


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


def events(house: House) -> list[bytes]:
    (kind,) = house.sales
    good = [kind.made(number) for number in range(GOOD)]
    bad = [kind.made(n) | {"number": f"{n}"} for n in range(GOOD, GOOD + BAD)]
    hopeless = [kind.made(n) | {"number": -1} for n in range(HOPELESS)]
    return [orjson.dumps(event) for event in good + bad + hopeless]


async def forebay(house: House, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
    """Call a command in this process, for there are many: what it prints as JSON."""

    def call() -> Result:
        return CliRunner().invoke(command_line(words[0]), [*words, "--json"], env=house.environment)

    done = await asyncio.to_thread(call)
    assert done.exit_code in codes, f"{done.exit_code}: {done.output} {done.exception!r}"
    return orjson.loads(done.stdout)


async def letters(house: House, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
    return await forebay(house, "dead-letters", *words, codes=codes)


async def audit(house: House, *words: str) -> Any:
    memory = str(house.folder / "audit.db")
    return await forebay(house, "audit", "--memory", memory, *words, codes=(0, 1))


async def settled(house: House, received: int) -> None:
    """Wait until so many records are sealed, and every day that waited is loaded."""

    async def nothing_waits() -> bool:
        totals = (await audit(house))["totals"]
        return (totals["received"], totals["lag"], totals["in_flight"]) == (received, 0, 0)

    await until(nothing_waits, f"{received} records are sealed and loaded", 300, every=1)


@pytest.mark.timeout(600)
async def test_dead_letters_are_mended_and_replayed_twice_and_land_once(house: House) -> None:
    (kind,) = house.sales
    gateway, worker, scheduler = map(house.role, ("gateway", "worker", "scheduler"))
    await asyncio.gather(gateway.start(), worker.start(), scheduler.start())
    answers = await send(iter(events(house)), type=kind.event, gateway_url=gateway.url, batch=25)
    assert answers.kept == BAD + HOPELESS
    await settled(house, SENT)

    # Both kinds died of one field; what is shown of one is no value of it.
    (group,) = await letters(house, "list")
    assert (group["reason"], group["field"], group["open"]) == ("schema", "number", BAD + HOPELESS)
    assert set(group["example"]["value"]) == {"event_id", "occurred_at", "shop", "number"}
    name = group["example"]["name"]
    masked = await letters(house, "show", name)
    clear = await letters(house, "show", name, "--clear")
    assert masked["masked"]
    assert clear["value"]["shop"] not in orjson.dumps(masked).decode()
    assert clear["fate"] == "open"

    # A dry run sends nothing, and says what would become of them.
    words = ("replay", "--type", kind.event, "--fix", FIX)
    dry = await letters(house, *words, codes=(1,))
    rejected = [{"reason": "schema", "field": "number", "events": HOPELESS}]
    assert (dry["passing"], dry["rejected"], dry["sent"]) == (BAD, rejected, 0)
    assert [step["changed"] for step in dry["fix"]] == [BAD, 0]
    await settled(house, SENT)

    # Killed after Kafka had them all and before the ledger knew: all are open, and sent again.
    house.environment["CRASH_AT"] = "after_replay"
    code, _, said = await house.command("dead-letters", *words, "--go")
    del house.environment["CRASH_AT"]
    assert (code, "after_replay" in said) == (-9, True)
    await settled(house, SENT + BAD)
    (group,) = await letters(house, "list")
    assert (group["open"], group["replayed"]) == (BAD + HOPELESS, 0)
    done = await letters(house, *words, "--go", codes=(1,))
    assert (done["sent"], done["rejected"]) == (BAD, rejected)
    again = await letters(house, *words, "--go", codes=(1,))
    assert (again["sent"], again["already_done"]) == (0, BAD)
    await settled(house, SENT + 2 * BAD)

    # The ledger balances: the copies of the second sending were duplicates.
    report = await audit(house, "--deep")
    totals = report["totals"]
    assert report["balanced"], report["findings"]
    assert totals["dead"] == BAD + HOPELESS
    (of_type,) = report["types"]
    assert of_type["letters"] == {"replayed": BAD, "dropped": 0, "open": HOPELESS}
    assert totals["duplicates"] + totals["collapsed"] == BAD
    assert totals["loaded"] == GOOD + BAD
    (shown,) = await letters(house, "list", "--all")
    counts = [shown[what] for what in ("open", "replayed", "dropped")]
    assert counts == [HOPELESS, BAD, 0]

    # What nothing can be done about is given up, and says so.
    drop = ("drop", "--type", kind.event, "--why", "the till was broken")
    assert (await letters(house, *drop))["open"] == HOPELESS
    (still,) = await letters(house, "list")
    assert still["open"] == HOPELESS
    dropped = await letters(house, *drop, "--go")
    assert (dropped["dropped"], dropped["already_done"]) == (HOPELESS, BAD)
    assert await letters(house, "list") == []
    lost = await letters(house, "show", still["example"]["name"])
    assert (lost["fate"], lost["disposals"][0]["why"]) == ("dropped", "the till was broken")
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))
