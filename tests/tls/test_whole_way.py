"""All roles, as processes, on servers that take nothing but TLS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import orjson
import pytest

from app.local.role import LocalRole
from app.send import send
from tests.faults.steady import sealed, terminated
from tests.house.house import House, opened_house
from tests.house.servers import Servers
from tests.tls.certificates import KEY_PASSWORD, Certificates
from tests.tls.secured_kafka import PASSWORD, USER, SecuredKafka

SENT = 200


@pytest.fixture
async def house(
    servers: Servers,
    secured: SecuredKafka,
    redis_port: int,
    mongo_port: int,
    files: Certificates,
    unique: str,
    tmp_path: Path,
) -> AsyncIterator[House]:
    """Passwords come from files."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in {
        "KAFKA__PASSWORD": PASSWORD,
        "KAFKA__KEY_PASSWORD": KEY_PASSWORD,
        "REDIS__KEY_PASSWORD": KEY_PASSWORD,
        "LEDGER__KEY_PASSWORD": KEY_PASSWORD,
    }.items():
        (secrets / name).write_text(f"{value}\n")
    environment = {
        "SECRETS_DIR": str(secrets),
        "LOG__LEVEL": "DEBUG",
        "KAFKA__BROKERS": f"127.0.0.1:{secured.sasl_port}",
        "KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA__USERNAME": USER,
        "KAFKA__CA_FILE": str(files.ca),
        "REDIS__URL": f"rediss://127.0.0.1:{redis_port}/0",
        "REDIS__CA_FILE": str(files.ca),
        "REDIS__CERT_FILE": str(files.client),
        "REDIS__KEY_FILE": str(files.client_key),
        "LEDGER__URL": f"mongodb://127.0.0.1:{mongo_port}/?directConnection=true",
        "LEDGER__CA_FILE": str(files.ca),
        "LEDGER__CERT_FILE": str(files.client_pair),
    }
    async with opened_house(
        unique, tmp_path, servers, ledger="mongo", environment=environment
    ) as made:
        yield made


async def test_events_land_once_each_and_no_password_is_shown(
    house: House, secured: SecuredKafka, files: Certificates
) -> None:
    (kind,) = house.sales
    certificate = {
        "KAFKA__BROKERS": f"127.0.0.1:{secured.mutual_port}",
        "KAFKA__SECURITY_PROTOCOL": "SSL",
        "KAFKA__CERT_FILE": str(files.client),
        "KAFKA__KEY_FILE": str(files.client_key),
    }
    gateway = house.role("gateway", KAFKA__SASL_MECHANISM="PLAIN")
    # The second has an empty disk: it knows the copies by the changelog only.
    first, second = house.role("worker"), house.role("worker", 2, **certificate)
    scheduler = house.role("scheduler")
    await asyncio.gather(gateway.start(), first.start(), scheduler.start())
    await handed_in(gateway, house)
    await sealed(first, 1)
    await terminated(first)
    await second.start()
    await handed_in(gateway, house)
    await house.settled()
    await asyncio.gather(*map(terminated, (gateway, second, scheduler)))
    totals = (await house.audit())["totals"]
    assert (totals["received"], totals["duplicates"]) == (2 * SENT, SENT)
    with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as database:
        rows = database.execute(f"SELECT number FROM {kind.table} ORDER BY number").fetchall()
    assert rows == [(number,) for number in range(SENT)]
    shown = {role.log_file.name: role.log_file.read_text() for role in house.roles}
    shown["forebay settings"] = "".join(map(str, await house.command("settings")))
    assert "KAFKA__PASSWORD" in shown["forebay settings"]
    for secret in (PASSWORD, KEY_PASSWORD):
        assert [where for where, text in shown.items() if secret in text] == []


async def handed_in(gateway: LocalRole, house: House) -> None:
    (kind,) = house.sales
    events = (orjson.dumps(event) for event in kind.several(range(SENT)))
    report = await send(events, type=kind.event, gateway_url=gateway.url, batch=50)
    assert report.accepted == SENT
