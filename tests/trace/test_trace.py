"""`forebay trace` on a real stack: one story, and what each event's receipt says of it.

The story is told once for all tests of this file. Two of its events have a copy: of one it is in
the same partition, where the worker knows it, of the other in another one.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.commands.context import opened_parts
from app.commands.trace import as_json_of
from app.core.partition import partition_of
from app.settings import read_settings
from app.trace.find import Limits, Tracer
from app.trace.receipt import Position
from tests.conftest import run
from tests.faults.steady import staged, terminated
from tests.house.house import House, opened_house, until
from tests.house.sales import CONTRACT, Sales
from tests.house.servers import Servers

pytestmark = pytest.mark.timeout(600)

PLAIN, DOUBLED, SPREAD, UNLUCKY, BAD, LATER, NEVER, LAST = range(8)
DROP = "transform:\n  - {do: drop_event, if: {field: number, is: 3}, why: it brings bad luck}\n"


class Lucky(Sales):
    """Sales of which one number is left out."""

    contract = CONTRACT.replace("warehouse: {{", DROP.replace("{", "{{").replace("}", "}}")
                                + "warehouse: {{")  # fmt: skip


def key(number: int) -> str:
    return str(UUID(int=number))


class Story:
    """Sends events, remembers their places, and asks for receipts."""

    def __init__(self, house: House) -> None:
        self.house, (self.kind,) = house, house.sales
        self.places: dict[str, str] = {}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in house.environment.items():
                patch.setenv(name, value)
            self._settings = read_settings()

    async def send(
        self, name: str, number: int, partition: int | None = None, *, bad: bool = False
    ) -> None:
        event = self.kind.made(number) | ({"number": -1} if bad else {})
        shop = event["shop"].encode()
        partition = partition_of(shop, 2) if partition is None else partition
        producer = AIOKafkaProducer(bootstrap_servers=self.house.environment["KAFKA__BROKERS"])
        await producer.start()
        try:
            sent = await producer.send_and_wait(
                self.kind.topic, orjson.dumps(event), key=shop, partition=partition
            )
        finally:
            await producer.stop()
        self.places[name] = f"{self.kind.topic}/{partition}@{sent.offset}"

    async def by(self, number: int | str, **limits: Any) -> dict[str, Any]:
        word = key(number) if isinstance(number, int) else number
        async with self._tracer(Limits(**limits)) as tracer:
            return as_json_of(await tracer.by(tracer.keys.said([word])), clear=False)

    async def at(self, name: str) -> dict[str, Any]:
        tp, _, offset = self.places[name].partition("@")
        async with self._tracer(Limits()) as tracer:
            return as_json_of(await tracer.at(Position(tp, int(offset))), clear=False)

    async def waiting(self) -> int:
        """Days that wait for a load; those that are loaded at least once wait no more."""
        async with opened_parts(self._settings) as parts:
            days = await parts.ledger.totals(self.kind.event)
            return sum(day.unloaded for day in days) if days else -1

    async def grow_old(self) -> None:
        """All seals become one summary."""
        async with opened_parts(self._settings) as parts:
            seals = [seal.id async for seal in parts.ledger.seals(self.kind.event)]
            await parts.ledger.summarise(seals, datetime.now(UTC))

    async def command(self, *words: str) -> tuple[int, str, str]:
        return await self.house.command("trace", "--event", self.kind.event, *words)

    @asynccontextmanager
    async def _tracer(self, limits: Limits) -> AsyncIterator[Tracer]:
        """In this process, as the command makes one: there is much to ask."""
        async with opened_parts(self._settings) as parts:
            contract = parts.contracts[self.kind.event]
            yield Tracer(
                contract, parts.ledger, parts.objects, parts.warehouse, self._settings.kafka,
                limits=limits,
            )  # fmt: skip


async def told(story: Story) -> dict[str, dict[str, Any]]:
    """The whole story, and all receipts."""
    house, receipts = story.house, dict[str, dict[str, Any]]()
    worker = house.role("worker", SEAL__MAX_AGE_SECONDS="3600")
    await worker.start()
    await story.send("plain", PLAIN)
    await story.send("doubled", DOUBLED)
    await story.send("doubled again", DOUBLED)
    home = partition_of(story.kind.made(SPREAD)["shop"].encode(), 2)
    await story.send("spread", SPREAD)
    await story.send("spread elsewhere", SPREAD, 1 - home)
    await story.send("unlucky", UNLUCKY)
    await story.send("bad", BAD, bad=True)
    await staged(worker, 4)
    await terminated(worker)  # it seals at its end
    receipts["sealed"] = await story.by(PLAIN)
    scheduler = house.role("scheduler")
    await scheduler.start()

    async def loaded() -> bool:
        return await story.waiting() == 0

    await until(loaded, "all days are loaded")
    await terminated(scheduler)
    await story.send("later", LATER)
    await story.send("last", LAST)
    for name in story.places:
        receipts[f"at {name}"] = await story.at(name)
    for name, number in (
        ("plain", PLAIN), ("doubled", DOUBLED), ("spread", SPREAD),
        ("bad", BAD), ("later", LATER), ("never", NEVER),
    ):  # fmt: skip
        receipts[name] = await story.by(number)
    receipts["another spelling"] = await story.by("{" + UUID(int=PLAIN).hex.upper() + "}")
    receipts["short of breath"] = await story.by(NEVER, records=1, since=timedelta())
    story.places["nowhere"] = story.places["later"].partition("@")[0] + "@999"
    receipts["at nowhere"] = await story.at("nowhere")
    receipts["places"] = story.places
    for name, words in COMMANDS.items():
        code, out, err = await story.command(*words)
        receipts[name] = {"code": code, "text": out, "error": err}
    await story.grow_old()
    receipts["old"], receipts["at old"] = await story.by(PLAIN), await story.at("plain")
    return receipts


COMMANDS = {
    "as text": ["--key", key(PLAIN)],
    "in clear": ["--key", key(BAD), "--json", "--clear"],
    "not there": ["--key", key(NEVER), "--json"],
    "nonsense": ["--key", "nonsense"],
}


@pytest.fixture(scope="module")
def receipts(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    async def tell(folder: Path, name: str) -> dict[str, dict[str, Any]]:
        sales = [Lucky(f"sale_{name}")]
        async with opened_house(name, folder, servers, sales=sales) as house:
            return await told(Story(house))

    return run(tell(tmp_path_factory.mktemp("trace"), f"t{uuid4().hex[:10]}"))


Receipts = dict[str, dict[str, Any]]


def test_a_row_is_followed_back_to_kafka_by_key_and_by_place(receipts: Receipts) -> None:
    found = receipts["plain"]
    assert (found["outcome"], found["rows"]) == ("row", 1)
    assert found["position"] == receipts["places"]["plain"]
    assert found["line"]["lines"] == 1
    assert found["sealed"]["id"] in found["line"]["object"]
    assert found["load"]["day"] == found["line"]["day"]
    assert list(found["searched"]) == [f"the table {found['load']['table']}"]
    same = ("outcome", "position", "sealed", "line", "load", "rows", "received_at")
    assert {name: receipts["at plain"][name] for name in same} == {n: found[n] for n in same}


def test_of_an_event_whose_seal_is_summarised_the_row_is_found_by_its_key(
    receipts: Receipts,
) -> None:
    found, at = receipts["old"], receipts["at old"]
    assert (found["outcome"], found["rows"]) == ("row", 1)
    assert found["position"] == receipts["places"]["plain"]
    assert (found["sealed"], found["line"], found["load"]) == (None, None, None)
    assert at["outcome"] == "unknown"
    assert at["said"] in found["said"]
    assert "the ledger keeps the sums alone" in at["said"]


def test_a_key_in_another_spelling_is_the_same_key(receipts: Receipts) -> None:
    assert receipts["another spelling"]["position"] == receipts["places"]["plain"]


def test_what_waits_for_a_load_is_found_in_its_object(receipts: Receipts) -> None:
    found = receipts["sealed"]
    assert (found["outcome"], found["load"]) == ("sealed", None)
    assert found["position"] == receipts["places"]["plain"]
    assert found["line"] == receipts["plain"]["line"]


def test_a_duplicate_is_told_of_which_row(receipts: Receipts) -> None:
    found, places = receipts["at doubled again"], receipts["places"]
    assert (found["outcome"], found["of"]) == ("duplicate", places["doubled"])
    assert (found["line"], found["load"]) == (None, None)
    assert found["sealed"] == receipts["at doubled"]["sealed"]
    assert receipts["at doubled"]["outcome"] == receipts["doubled"]["outcome"] == "row"


def test_of_copies_in_two_partitions_one_stands_and_the_other_is_told_of_which(
    receipts: Receipts,
) -> None:
    stands, places = receipts["spread"], receipts["places"]
    both = {places["spread"], places["spread elsewhere"]}
    assert stands["outcome"] == "row"
    assert {stands["position"], *stands["others"]} == both
    (name,) = (n for n in ("spread", "spread elsewhere") if [places[n]] == stands["others"])
    collapsed = receipts[f"at {name}"]
    assert (collapsed["outcome"], collapsed["of"]) == ("collapsed", stands["position"])
    assert collapsed["load"] == stands["load"]
    assert receipts["plain"]["others"] == []


def test_what_a_topic_file_leaves_out_is_told_with_its_why(receipts: Receipts) -> None:
    found = receipts["at unlucky"]
    assert found["outcome"] == "filtered"
    assert found["said"].endswith("it brings bad luck")
    assert found["sealed"]


def test_a_dead_letter_is_found_by_the_key_it_was_sent_with(receipts: Receipts) -> None:
    found = receipts["bad"]
    assert found["outcome"] == "dead letter"
    assert found["position"] == receipts["places"]["bad"]
    assert (found["letter"]["reason"], found["letter"]["field"]) == ("schema", "number")
    assert receipts["at bad"]["letter"] == found["letter"]


def test_values_are_shown_only_to_who_asks_for_them(receipts: Receipts) -> None:
    (value,) = json.loads(receipts["in clear"]["text"])["values"]
    assert '"number":-1' in value
    shop = json.loads(value)["shop"]
    hidden = {name: one for name, one in receipts.items() if name != "in clear"}
    assert shop not in json.dumps(hidden, default=str)
    assert "values" not in json.dumps(hidden, default=str)


def test_what_no_worker_has_read_is_found_in_kafka(receipts: Receipts) -> None:
    for name in ("later", "at later"):
        assert receipts[name]["outcome"] == "unread"
        assert receipts[name]["position"] == receipts["places"]["later"]
        assert receipts[name]["received_at"]
        assert receipts[name]["sealed"] is None


def test_what_is_nowhere_is_told_with_all_that_was_searched_and_what_was_not(
    receipts: Receipts,
) -> None:
    found = receipts["never"]
    assert found["outcome"] == "unknown"
    assert list(found["searched"])[1:] == [
        "what is sealed and not loaded",
        "2 unread records of 2 partitions",
        "the dead letters of 7 days",
    ]
    assert any("drop_event" in what for what in found["unsearched"])
    short = receipts["short of breath"]
    assert "1 unread records of 2 partitions" in short["searched"]
    assert list(short["unsearched"])[:2] == [
        "1 more unread records: raise --limit", "dead letters older than 0 days",
    ]  # fmt: skip
    nowhere = receipts["at nowhere"]
    assert nowhere["outcome"] == "unknown"
    assert "there is no such record" in nowhere["said"]


def test_people_get_the_steps_in_their_order(receipts: Receipts) -> None:
    told = receipts["as text"]
    steps = [line.split()[0] for line in told["text"].splitlines()[1:] if line.strip()]
    assert steps == ["received", "Kafka", "seal", "object", "load", "row", "searched"]
    assert (told["code"], receipts["in clear"]["code"], receipts["not there"]["code"]) == (0, 0, 1)
    assert receipts["nonsense"]["code"] == 2
    assert "«nonsense» is no uuid" in receipts["nonsense"]["error"]
