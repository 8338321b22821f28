"""`send` against the real gateway on a real Kafka."""

import asyncio
import csv
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.core.errors import Fatal
from app.gateway.keys import hashed, new_key
from app.kafka import KafkaOptions
from app.local.ports import free_port
from app.send import send
from app.send.gateway import Encoding
from app.send.lines import opened
from tests.gateway.orders import CONTRACT, all_records, order, order_type
from tests.gateway.orders import opened as opened_gateway


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "none"])
async def test_good_and_bad_lines_get_the_real_gateways_answers(
    kafka: str, encoding: Encoding
) -> None:
    kind = order_type()
    good = [orjson.dumps(order(f"A-{n}")) for n in range(230)]
    bad = [orjson.dumps(order(total_cents=-1)), b"{no json", orjson.dumps(order(days_ago=9))]
    options = KafkaOptions(brokers=kafka)
    async with opened_gateway(options, kind) as client:
        report = await send(
            [*good, *bad], type=kind.name, gateway_url=client.running.url, batch=50,
            encoding=encoding,
        )  # fmt: skip
    assert (report.sent, report.accepted, report.kept) == (233, 230, 2)
    assert {reason: r.first[0].line for reason, r in report.rejected.items()} == {
        "schema": 231, "not_json": 232, "too_late": 233,
    }  # fmt: skip
    stored = sorted(record.value for record in await all_records(options, kind.topic))
    assert stored == sorted([*good, bad[0], bad[2]])


async def test_a_csv_file_arrives_with_the_contracts_types(kafka: str, tmp_path: Path) -> None:
    kind = order_type()
    orders = [order(f"00{n}", total_cents=n) for n in range(20)]
    path = tmp_path / "orders.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, orders[0])
        writer.writeheader()
        writer.writerows(orders)
    types = {name: field.type for name, field in CONTRACT.fields.items()}
    options = KafkaOptions(brokers=kafka)
    async with opened_gateway(options, kind) as client:
        with opened(path, types) as source:
            report = await send(source.events, type=kind.name, gateway_url=client.running.url)
    assert (report.accepted, report.exit_code) == (20, 0)
    stored = [orjson.loads(record.value) for record in await all_records(options, kind.topic)]
    assert sorted(stored, key=lambda o: o["order_id"]) == sorted(
        orders, key=lambda o: o["order_id"]
    )


async def test_a_gateway_that_restarts_under_load_costs_no_event(kafka: str) -> None:
    kind, options, port = order_type(), KafkaOptions(brokers=kafka), free_port()
    half, restarted = asyncio.Event(), asyncio.Event()
    sent = [orjson.dumps(order(f"A-{n}")) for n in range(400)]

    async def events() -> AsyncIterator[bytes]:
        for number, event in enumerate(sent):
            if number == 200:
                half.set()
            if number == 300:
                await restarted.wait()
            yield event

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(
            send(events(), type=kind.name, gateway_url=f"http://127.0.0.1:{port}", batch=10)
        )
        async with opened_gateway(options, kind, port=port):
            await half.wait()
        async with opened_gateway(options, kind, port=port):
            restarted.set()
            report = await sending
    assert (report.sent, report.accepted, report.exit_code) == (400, 400, 0)
    assert {record.value for record in await all_records(options, kind.topic)} == set(sent)


async def test_a_gateway_that_asks_for_a_key_is_shown_it(kafka: str, tmp_path: Path) -> None:
    kind, key = order_type(), new_key()
    file = tmp_path / "keys.yaml"
    file.write_text(f"sources: {{shop: {{keys: ['{hashed(key)}']}}}}")
    apps = {kind.name: "shop"}
    async with opened_gateway(
        KafkaOptions(brokers=kafka), kind, apps=apps, keys_file=str(file)
    ) as client:
        events = [orjson.dumps(order())]
        report = await send(events, type=kind.name, gateway_url=client.running.url, key=key)
        assert report.accepted == 1
        with pytest.raises(Fatal, match="401"):
            await send(events, type=kind.name, gateway_url=client.running.url)
