"""The README's page for whoever is on call, walked through: each symptom is made, each command is
given as the page has it, and says what the page says."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.kafka import KafkaOptions
from app.local.role import LocalRole
from app.monitoring.alerts import ALERTS
from tests.faults.steady import terminated
from tests.faults.topics import admin
from tests.house.house import House, opened_house, until
from tests.house.sales import CONTRACT, Sales
from tests.house.servers import Servers

README = (Path(__file__).parents[2] / "README.md").read_text()
PAGE = README.partition("\n## On call\n")[2].partition("\n## ")[0]
ROWS = [line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][2:]
SECONDS_TO_NOTICE = 3.0
"""Workers look for pauses every two."""


class Prompt(Sales):
    """Behind after three seconds."""

    contract = CONTRACT.replace("\n\nexamples:", "\nfreshness: 3s\n\nexamples:")


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    kind = Prompt(f"sale_{unique}", days=1)
    async with opened_house(unique, tmp_path, servers, sales=[kind]) as made:
        yield made


def test_the_page_names_every_alert_and_no_other() -> None:
    assert set(re.findall(r"Forebay[A-Z]\w+", PAGE)) == {alert.name for alert in ALERTS}
    assert all(len(row) == 3 for row in ROWS)


def test_every_command_of_the_page_is_given_here() -> None:
    source = Path(__file__).read_text()
    commands = re.findall(r"`forebay ([^`]+)`", PAGE)
    assert commands
    assert [command for command in commands if f'asks("{command}"' not in source] == []


class OnCall:
    """Somebody with the README open."""

    def __init__(self, house: House) -> None:
        self.house, (self.kind,) = house, house.sales
        self.sent = self.lost = 0

    async def asks(self, command: str, **names: str) -> Any:
        """Give a command as it stands on the page, with its placeholders filled in."""
        assert f"`forebay {command}`" in PAGE, command
        for placeholder, meant in {"TYPE": self.kind.event, **names}.items():
            command = re.sub(rf"\b{placeholder}\b", meant, command)
        words = shlex.split(command)
        if words[0] == "audit":
            words += ["--memory", str(self.house.folder / "audit.db")]

        def call() -> Result:
            environment = self.house.environment
            return CliRunner().invoke(
                command_line(words[0]), [*words, "--json"], env=environment, catch_exceptions=False
            )

        done = await asyncio.to_thread(call)
        return orjson.loads(done.stdout)

    async def is_told(self, why: str, *words: str) -> None:
        """`forebay status` comes to this verdict, and its reason has these words."""

        async def so() -> bool:
            (found,) = await self.asks("status")
            assert f"*{why}*" in PAGE
            return found["verdict"] == why and all(word in found["why"] for word in words)

        await until(so, f"{why}: {words}")

    async def waits_for(self, role: LocalRole, server: str) -> str:
        """What `/readyz` says of a server that is away."""
        assert f"*{server}*" in PAGE
        found = ""

        async def so() -> bool:
            nonlocal found
            try:
                async with aiohttp.ClientSession(role.url) as http, http.get("/readyz") as answer:
                    told = await answer.json()
            except aiohttp.ClientConnectorError:  # it is only starting
                return False
            found = " ".join(
                f"{k}: {v}" for k, v in {**told["waiting_for"], **told["troubles"]}.items()
            )
            return server in found

        await until(so, f"{role.name} waits for {server}")
        return found

    async def send(self, gateway: LocalRole, count: int = 10) -> int:
        """Send the next events, the same again if they were not taken; returns the status."""
        events = [self.kind.made(self.sent + number) for number in range(count)]
        status = await self.post(gateway, events)
        self.sent += count if status == 202 else 0
        return status

    async def post(self, gateway: LocalRole, events: list[dict[str, Any]]) -> int:
        async with (
            aiohttp.ClientSession(gateway.url) as http,
            http.post(f"/v1/events/{self.kind.event}", json=events) as answer,
        ):
            return answer.status

    def rows(self) -> int:
        path = self.house.environment["DUCKDB__PATH"]
        with duckdb.connect(path, read_only=True) as found:
            (count,) = found.sql(f"SELECT count(*) FROM {self.kind.table}").fetchall()
        return int(count[0])


@asynccontextmanager
async def on_call_for(
    house: House,
) -> AsyncIterator[tuple[OnCall, LocalRole, LocalRole, LocalRole]]:
    """A stack in which all is well, but for what is about to happen."""
    gateway, worker, scheduler = (house.role(name) for name in ("gateway", "worker", "scheduler"))
    await asyncio.gather(*(role.start() for role in house.roles))
    on_call = OnCall(house)
    assert await on_call.send(gateway) == 202
    await house.settled()
    yield on_call, gateway, worker, scheduler
    await house.settled()
    assert on_call.rows() == on_call.sent - on_call.lost
    await asyncio.gather(*map(terminated, house.roles))


async def test_a_table_is_old(house: House) -> None:
    async with on_call_for(house) as (on_call, gateway, worker, scheduler):
        await on_call.is_told("not arriving", "ask who sends it")
        await worker.stop()
        await on_call.send(gateway)
        await on_call.is_told("not consumed", "no worker reads")
        house.networks.s3.take_down()
        starting = asyncio.create_task(worker.start())
        await on_call.waits_for(worker, "object store")
        house.networks.s3.heal()
        await starting
        await house.settled()
        house.networks.s3.take_down()
        await on_call.send(gateway)
        await on_call.is_told("not sealed", "its log says which server is in its way")
        await on_call.waits_for(worker, "object store")
        house.networks.s3.heal()
        await house.settled()
        await scheduler.stop()
        await on_call.send(gateway)
        await on_call.is_told("not loaded", "is a scheduler running?")
        await scheduler.start()


async def test_senders_are_refused(house: House) -> None:
    async with on_call_for(house) as (on_call, gateway, _, _):
        house.networks.kafka.take_down()

        async def refused() -> bool:
            return await on_call.send(gateway) in (429, 503)

        await until(refused, "a gateway without Kafka refuses")
        await on_call.waits_for(gateway, "kafka")
        house.networks.kafka.heal()

        async def taken() -> bool:
            return await on_call.send(gateway) == 202

        await until(taken, "it takes events again")


async def test_loads_fail_and_a_table_is_lost(house: House) -> None:
    async with on_call_for(house) as (on_call, gateway, _, _):

        def broken() -> bool:
            with duckdb.connect(house.environment["DUCKDB__PATH"]) as place:
                place.sql(f"DROP TABLE {on_call.kind.table}")
                place.sql(f"CREATE VIEW {on_call.kind.table} AS SELECT 1 AS one")
            return True

        def mended() -> bool:
            with duckdb.connect(house.environment["DUCKDB__PATH"]) as place:
                place.sql(f"DROP VIEW {on_call.kind.table}")
            return True

        await _when_free(broken)
        await on_call.send(gateway)

        async def failed() -> bool:
            return bool(await on_call.asks("runs --failed --type TYPE"))

        await until(failed, "a load has failed")
        (run, *_) = await on_call.asks("runs --failed --type TYPE")
        assert on_call.kind.table in run["why"]
        await _when_free(mended)
        await on_call.asks("load --rebuild --type TYPE")


async def _when_free(change: Any) -> None:
    """A scheduler may have the warehouse's file at this moment."""

    async def done() -> bool:
        try:
            return bool(await asyncio.to_thread(change))
        except duckdb.IOException:
            return False

    await until(done, "nobody else has the warehouse open")


async def test_events_are_rejected_and_a_type_is_paused(house: House) -> None:
    async with on_call_for(house) as (on_call, gateway, _, _):
        bad = [on_call.kind.made(10_000 + number) | {"number": -1} for number in range(5)]
        assert await on_call.post(gateway, bad) == 422
        await house.settled()
        (group,) = await on_call.asks("dead-letters list --type TYPE")
        assert (group["field"], group["open"]) == ("number", 5)
        await on_call.asks("pause --type TYPE --why WHY", WHY="'the till is wrong'")
        await asyncio.sleep(SECONDS_TO_NOTICE)
        await on_call.send(gateway)
        await on_call.is_told("not consumed", "consume is paused by operator", "the till is wrong")
        await on_call.asks("resume --type TYPE")


async def test_events_are_lost(house: House) -> None:
    async with on_call_for(house) as (on_call, gateway, worker, _):
        await worker.stop()
        for _ in range(8):
            await on_call.send(gateway)
        kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
        partitions = (await house.audit())["types"][0]["partitions"]
        most = max(partitions, key=lambda partition: int(partition["lag"]))
        tp, first, on_call.lost = most["tp"], most["cursor"], 3
        async with admin(kafka) as client:
            place = TopicPartition(on_call.kind.topic, int(tp.rpartition("/")[2]))
            await client.delete_records(
                {place: RecordsToDelete(before_offset=first + on_call.lost)}
            )
        await worker.start()
        await house.settled()
        (finding,) = (await on_call.asks("audit"))["findings"]
        assert (finding["tp"], finding["first"]) == (tp, first)
        assert finding["next"] == first + on_call.lost
        (incident,) = re.findall(r"forebay ledger acknowledge (\S+) --why", finding["text"])
        await on_call.asks("ledger acknowledge ID --why WHY", ID=incident, WHY="'sent again'")
        assert (await on_call.asks("audit"))["balanced"]


async def test_somebody_asks_for_an_event(house: House) -> None:
    async with on_call_for(house) as (on_call, _, _, _):
        key = on_call.kind.made(0)["event_id"]
        receipt = await on_call.asks("trace --event TYPE --key ID", ID=key)
        assert (receipt["outcome"], on_call.kind.table in receipt["said"]) == ("row", True)
