"""The gateway's keys, and whether they have limits, which are counted in Redis."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.doctor.finding import Level, tried
from app.doctor.keys import counts_in_redis, look_at_keys
from app.gateway.keys import hashed, new_key
from app.gateway.options import GatewayOptions

APPS = {"order_placed": "shop"}


def keys(folder: Path, name: str = "shop", **limits: Any) -> Path:
    file = folder / "keys.yaml"
    source = {"keys": [hashed(new_key())]} | limits
    file.write_text(yaml.safe_dump({"sources": {name: source}}))
    return file


def counts(file: Path | str = "", **limits: Any) -> bool:
    return counts_in_redis(GatewayOptions(keys_file=str(file), **limits), APPS)


@pytest.mark.parametrize("limit", ["events_per_second", "bytes_per_second"])
def test_a_limit_of_all_or_of_one_source_is_counted_in_redis(tmp_path: Path, limit: str) -> None:
    assert not counts()
    assert not counts(keys(tmp_path))
    assert counts(keys(tmp_path, **{limit: 7}))
    assert counts(**{limit: 7})


async def test_a_file_of_keys_that_is_not_right_is_told_and_may_have_limits(tmp_path: Path) -> None:
    nowhere = tmp_path / "no.yaml"
    (wrong,) = await tried("keys", look_at_keys(nowhere, APPS))
    assert (wrong.level, "no.yaml" in wrong.said) == (Level.WRONG, True)
    assert counts(nowhere)


async def test_a_source_that_may_send_nothing_is_told(tmp_path: Path) -> None:
    weak, good = await tried("keys", look_at_keys(keys(tmp_path, "shpo"), APPS))
    assert (weak.level, good.level) == (Level.WEAK, Level.GOOD)
    assert "source shpo may send nothing" in weak.said
