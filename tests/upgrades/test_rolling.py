"""All three roles are replaced one by one under load, by ones that know a field more."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.faults.steady import steady_load, terminated
from tests.house.house import opened_house
from tests.house.sales import Sales
from tests.house.servers import Servers

pytestmark = pytest.mark.timeout(600)
FIELD = "  till: {type: integer, optional: true, about: Where it was rung up.}\n"


async def test_a_rolling_upgrade_to_a_field_more_loses_nothing_and_doubles_nothing(
    servers: Servers, unique: str, tmp_path: Path
) -> None:
    kind = Sales(f"sale_{unique}", size="medium")
    async with opened_house(unique, tmp_path, servers, sales=[kind]) as house:
        for name in ("worker", "scheduler", "gateway"):
            house.role(name, 1), house.role(name, 2)
        await asyncio.gather(*(role.start() for role in house.roles))
        async with steady_load(house) as load:
            await load.goes_on(300)
            add_a_field(house.folder / "topics" / f"{kind.event}.yaml")
            await house.forebay("topics", "apply")
            for role in house.roles:
                await terminated(role)
                await role.start()
                await load.goes_on(150)
            kind.made = with_a_till(kind)  # type: ignore[method-assign]
            await load.goes_on(300)
        with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as found:
            query = f"SELECT count(till), count(*) - count(till) FROM {kind.table}"
            assert all(found.sql(query).fetchall()[0])


def add_a_field(file: Path) -> None:
    head, line, rest = file.read_text().partition("  shop: {")
    assert line
    file.write_text(head + FIELD + line + rest)


def with_a_till(kind: Sales) -> Callable[[int], dict[str, Any]]:
    """Events as apps send them that know the field."""
    made = kind.made
    return lambda number: made(number) | {"till": number % 7}
