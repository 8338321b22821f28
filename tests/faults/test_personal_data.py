"""What an event holds may be about a person: it stands in the warehouse, and nowhere else.

Every value, key, name and address that a sender can choose holds a mark; after everything that can
go wrong with such events, no log, metric, Sentry event or command shows one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.local.role import LocalRole
from tests.faults.steady import terminated
from tests.house.house import House, opened_house, until
from tests.house.sales import Sales
from tests.house.sentry import sentry
from tests.house.servers import Servers

MARK = "xanthippe"
CONTRACT = """\
event: {event}
version: 1
summary: Somebody became a member of the club.
app: club
owners: {{team: tests, chat: "#tests"}}
fields:
  event_id: {{type: uuid, about: Made of the number.}}
  occurred_at: {{type: timestamp, about: One of the last days.}}
  shop: {{type: string, max_length: 64, pii: keep, about: Where it was.}}
  number: {{type: integer, minimum: 0, about: Which one it is.}}
  email: {{type: string, max_length: 60, pii: hash, optional: true, about: Where to write to.}}
  phone: {{type: string, pattern: "^[a-z0-9 -]+$", pii: drop, optional: true, about: To be called.}}
  nickname: {{type: string, one_of: [{mark}-nick], pii: keep, optional: true, about: A pet name.}}
  profile: {{type: json, pii: keep, optional: true, about: What was told on the form.}}
  born: {{type: date, optional: true, about: The day of birth as told.}}
kafka: {{key: shop, size: small, retention_days: 30}}
dedupe: {{by: [event_id], keep: first, remember_days: 30}}
day: {{from: occurred_at, timezone: UTC, late_days: 30, early_minutes: 60}}
warehouse: {{table: RAW.{table}}}
load: {{every: 1s}}
examples:
  - name: a member
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, occurred_at: "2026-03-01T23:59:58Z",
            shop: north, number: 1}}
    row: {{day: "2026-03-01"}}
  - name: no member has a negative number
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, occurred_at: "2026-03-01T23:59:58Z",
            shop: north, number: -1}}
    rejected: {{reason: schema, field: number}}
"""
NICK = "abelard"
"""The one value that the contract itself names, so that it is no secret of a sender's."""

serial = count()


def mark() -> str:
    """A value like no other: what leaks tells where it came in."""
    return f"{MARK}-{next(serial)}"


class Members(Sales):
    """Events full of personal data."""

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = CONTRACT.format(event=self.event, table=self.event.upper(), mark=NICK)
        (folder / f"{self.event}.yaml").write_text(text)

    def made(self, number: int) -> dict[str, Any]:
        return super().made(number) | {
            "email": f"{mark()}@example.com",
            "phone": mark(),
            "nickname": f"{NICK}-nick",
            "profile": {mark(): [mark(), {"address": mark()}]},
            "born": "1979-03-01",
        }

    def bad(self, number: int) -> Iterator[dict[str, Any]]:
        """Each breaks something else, and is full of marks."""
        good = self.made(number)
        for name, value in (
            ("event_id", mark()),
            ("occurred_at", mark()),
            ("number", mark()),
            ("email", f"{mark()}@example.com" * 10),
            ("phone", f"{mark()} ö"),
            ("nickname", mark()),
            ("profile", f"{mark()}\0"),
            ("born", mark()),
            ("shop", {mark(): mark()}),
            (mark(), mark()),
            (f"{mark()}@example.com", {"a": mark()}),
        ):
            yield good | {name: value}


@pytest.fixture
async def members(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    kinds = [Members(f"member_{unique}")]
    async with opened_house(unique, tmp_path, servers, sales=kinds) as made:
        yield made


async def test_no_personal_data_reaches_logs_metrics_sentry_or_commands(members: House) -> None:
    (kind,) = members.sales
    assert isinstance(kind, Members)
    async with sentry() as told:
        own = {
            "SENTRY__DSN": told.dsn,
            "LOG__LEVEL": "DEBUG",
            "PII_KEY": f"{MARK}-secret-of-16-bytes",
        }
        gateway = members.role("gateway", **own)
        worker = members.role("worker", WORKER__MIN_REJECTED_COUNT="100", **own)
        scheduler = members.role("scheduler", **own)
        roles = (gateway, worker, scheduler)
        await asyncio.gather(*(role.start() for role in roles))
        await post_all(gateway, kind)
        await send_garbage(gateway)
        await produce(members, kind, range(20, 60), list(kind.bad(60)))
        await members.settled()
        await produce(members, kind, (), [bad for n in range(20) for bad in kind.bad(n)])
        await until(lambda: paused(worker), "the flood of bad events trips the breaker")
        seen = await everything_shown(members, roles)
        await asyncio.gather(*map(terminated, roles))
        seen |= {f"sentry {n}": body for n, body in enumerate(told.bodies)}
    assert any("rejected" in error for error in told.errors), told.errors
    seen |= {role.name: role.log_file.read_bytes() for role in members.roles}
    assert all(seen.values())
    assert landed(members, kind) == {f"{NICK}-nick"}
    leaks = {where: around(body) for where, body in seen.items() if MARK.encode() in body.lower()}
    assert leaks == {}


def around(body: bytes) -> bytes:
    at = body.lower().index(MARK.encode())
    return body[max(0, at - 300) : at + 60]


async def post_all(gateway: LocalRole, kind: Members) -> None:
    """Through the front door, in each shape; the answers go to the sender, who knows it all."""
    good = [kind.made(number) for number in range(20)]
    bad = list(kind.bad(20))
    envelope = {"events": [{"type": kind.event, "data": one} for one in bad]}
    strange = {"events": [{"type": mark(), "data": {mark(): mark()}}, {mark(): mark()}, mark()]}
    async with aiohttp.ClientSession(gateway.url) as http:
        for path, body in (
            (f"/v1/events/{kind.event}", good),
            (f"/v1/events/{kind.event}", bad),
            (f"/v1/validate/{kind.event}", bad),
            ("/v1/events", envelope),
            ("/v1/events", strange),
            (f"/v1/events/{mark()}", bad),
            (f"/{mark()}?{mark()}={mark()}", bad),
        ):
            async with http.post(path, json=body, headers={f"x-{mark()}": mark()}) as answer:
                assert answer.status < 500
        for text in (mark(), f'{{"{mark()}": {mark()}}}', f'{{"events": "{mark()}"}}'):
            for path in (f"/v1/events/{kind.event}", "/v1/events"):
                headers = {"content-type": "application/json"}
                async with http.post(path, data=text, headers=headers) as answer:
                    assert answer.status < 500


async def send_garbage(gateway: LocalRole) -> None:
    """What is no HTTP at all, and HTTP that is broken."""
    port = int(gateway.url.rpartition(":")[2])
    for text in (
        f"{mark()}\r\n\r\n",
        f"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {mark()}\r\n\r\n{mark()}",
        f"POST /v1/events HTTP/1.1\r\n{mark()}\x01: {mark()}\r\n\r\n{mark()}",
        f"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n{mark()}",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text.encode())
        await writer.drain()
        if "999" not in text:
            await reader.read()
        writer.close()


async def produce(house: House, kind: Members, good: Any, bad: list[dict[str, Any]]) -> None:
    """Straight to Kafka, with marks in keys and headers; and what is no JSON."""
    producer = AIOKafkaProducer(bootstrap_servers=house.environment["KAFKA__BROKERS"])
    await producer.start()
    try:
        raws = [orjson.dumps(one) for one in [*map(kind.made, good), *bad]]
        for raw in (
            *raws,
            mark().encode(),
            f'{{"{mark()}": {mark()}}}'.encode(),
            b"\xff" + raws[0],
        ):
            await producer.send(
                kind.topic, raw, key=mark().encode(), headers=[(mark(), mark().encode())]
            )
    finally:
        await producer.stop()


async def paused(worker: LocalRole) -> bool:
    return "paused" in worker.log_file.read_text()


async def everything_shown(house: House, roles: tuple[LocalRole, ...]) -> dict[str, bytes]:
    """What operators see: metrics, health, and what the commands print."""
    seen: dict[str, bytes] = {}
    async with aiohttp.ClientSession() as http:
        for role in roles:
            for path in ("/metrics", "/readyz"):
                async with http.get(role.url + path) as answer:
                    seen[f"{role.name} {path}"] = await answer.read()
    for words in (["audit", "--deep"], ["ledger", "show"], ["days"], ["load"]):
        for form in ([], ["--json"]):
            _, out, err = await house.command(*words, *form)
            seen[" ".join(["forebay", *words, *form])] = (out + err).encode()
    return seen


def landed(house: House, kind: Sales) -> set[str]:
    with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as database:
        rows = database.execute(f"SELECT DISTINCT nickname FROM {kind.table}").fetchall()
    return {nickname for (nickname,) in rows}
