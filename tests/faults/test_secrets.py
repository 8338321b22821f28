"""A secret is for one server, and for nobody else to read, whatever that server answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from app.gateway.keys import hashed, new_key
from app.local.role import LocalRole
from tests.commands.test_settings import SECRETS
from tests.house.house import House, opened_house, until
from tests.house.sentry import sentry
from tests.house.servers import Servers

MARK = "xanthippe"
POISON = {name: f'{MARK}-{n}-{{p"ss/w@rd}}' for n, name in enumerate(SECRETS)}
"""A value like no other for each setting that is a secret: what leaks tells which it was."""
DSN_KEY = f"{MARK}-dsn"
IN_URL = quote(f'{MARK}-in-{{p"ss/w@rd}}', safe="")


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


async def test_no_secret_is_shown_whatever_its_server_answers(house: House) -> None:
    mongo = {"LEDGER__URL": f"mongodb://u:{IN_URL}@127.0.0.1:1", "LEDGER__TIMEOUT_SECONDS": "1"}
    async with sentry() as told:
        house.environment |= POISON | {"LOG__LEVEL": "DEBUG"}
        house.environment |= {"SENTRY__DSN": told.dsn.replace("key@", f"{DSN_KEY}@")}
        s3 = {
            "S3__SECRET_ACCESS_KEY": house.servers.s3_options.secret_access_key.get_secret_value()
        }
        gateway = house.role("gateway", GATEWAY__KEYS_FILE=str(keys_file(house)))
        failing = [
            house.role(
                "gateway", 2, KAFKA__SECURITY_PROTOCOL="SASL_PLAINTEXT", KAFKA__USERNAME="u"
            ),
            house.role("worker"),  # S3 does not know this key
            house.role("worker", 2, **s3, **mongo),
            house.role("scheduler", REDIS__USERNAME="u"),
            house.role("scheduler", 2, **snowflake(house)),
        ]
        starting = asyncio.gather(*(role.start() for role in failing), return_exceptions=True)
        await gateway.start()
        seen = await commands(house, mongo) | await requests(gateway)
        for role in failing:
            await until(lambda role=role: complained(role), f"{role.name} says what is wrong")
        for role in failing:
            role.kill()
        await asyncio.gather(starting, gateway.stop())
        bodies = (body.replace(DSN_KEY.encode(), b"") for body in told.bodies)  # it knows its own
        seen |= {f"sentry {n}": body for n, body in enumerate(bodies)}
    assert told.errors
    seen |= {role.log_file.name: role.log_file.read_bytes() for role in house.roles}
    assert all(seen.values())
    assert {where: around(body) for where, body in seen.items() if leaks(body)} == {}


def keys_file(house: House) -> Path:
    path = house.folder / "keys.yaml"
    path.write_text(yaml.safe_dump({"sources": {"till": {"keys": [hashed(new_key())]}}}))
    return path


def snowflake(house: House) -> dict[str, str]:
    """Whose private key has another passphrase."""
    key = generate_private_key(65537, 2048)
    path = house.folder / "snowflake.p8"
    encryption = BestAvailableEncryption(f"{MARK}-right".encode())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return {
        "WAREHOUSE": "snowflake",
        "SNOWFLAKE__ACCOUNT": "forebay",
        "SNOWFLAKE__USER": "forebay",
        "SNOWFLAKE__WAREHOUSE": "LOADING",
        "SNOWFLAKE__DATABASE": "EVENTS",
        "SNOWFLAKE__STORAGE_INTEGRATION": "FOREBAY_S3",
        "SNOWFLAKE__PRIVATE_KEY_FILE": str(path),
    }


async def complained(role: LocalRole) -> bool:
    text = role.log_file.read_text() if role.log_file.exists() else ""
    return "WARNING" in text or "ERROR" in text


async def commands(house: House, mongo: Mapping[str, str]) -> dict[str, bytes]:
    seen: dict[str, bytes] = {}
    (house.folder / "events.ndjson").write_text("{}\n")
    (kind,) = house.sales
    right, wrong = house.environment, house.environment | mongo
    for environment, words in (
        (right, ["send", "events.ndjson", "--type", kind.event, "--patience", "1"]),
        (right, ["load"]),
        (wrong, ["audit"]),
    ):
        house.environment = environment
        _, out, err = await house.command(*words)
        seen[" ".join(words)] = (out + err).encode()
    house.environment = right
    return seen


async def requests(gateway: LocalRole) -> dict[str, bytes]:
    """With keys that the gateway does not know; and what it says of itself."""
    seen: dict[str, bytes] = {}
    async with aiohttp.ClientSession() as http:
        for headers in ({"Authorization": f"Bearer {MARK}-key"}, {"X-Api-Key": f"{MARK}-key"}):
            async with http.post(f"{gateway.url}/v1/events", headers=headers) as answer:
                assert answer.status == 401
                seen[f"401 {headers.keys()}"] = await answer.read()
        for path in ("/readyz", "/metrics", "/openapi.json"):
            async with http.get(gateway.url + path) as answer:
                seen[path] = await answer.read()
    return seen


def leaks(body: bytes) -> bool:
    return MARK.encode() in body.lower()


def around(body: bytes) -> bytes:
    at = body.lower().index(MARK.encode())
    return body[max(0, at - 300) : at + 60]
