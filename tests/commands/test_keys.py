"""`forebay keys`: what it makes is what the gateway takes."""

from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.core.errors import Fatal
from app.gateway.keys import hashed, new_key, read_keys

TOPICS = Path(__file__).parents[2] / "topics"


def forebay(*words: str) -> Result:
    return CliRunner().invoke(command_line(words[0]), list(words))


def test_a_new_key_opens_the_door_with_the_lines_that_are_printed_with_it(tmp_path: Path) -> None:
    said = forebay("keys", "new", "--source", "shop").stdout
    key = said.splitlines()[0].rpartition("Bearer ")[2]
    (tmp_path / "keys.yaml").write_text(said)
    found = read_keys(tmp_path / "keys.yaml", {"order_placed": "shop"}).source_of(key.encode())
    assert found is not None
    assert (found.name, found.may_send) == ("shop", {"order_placed"})
    assert said.count(key) == 1


def test_a_new_key_can_be_read_by_machines() -> None:
    made, other = (
        orjson.loads(forebay("keys", "new", "--source", "shop", "--json").stdout) for _ in range(2)
    )
    assert made["source"] == "shop"
    assert made["hash"] == hashed(made["key"])
    assert made["key"] != other["key"]


def test_a_file_of_keys_is_checked_against_the_topic_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, key = tmp_path / "keys.yaml", new_key()
    monkeypatch.setenv("TOPICS_DIR", str(TOPICS))
    monkeypatch.setenv("GATEWAY__KEYS_FILE", str(file))
    entry = {"keys": [hashed(key)], "types": ["order_*"]}
    file.write_text(yaml.safe_dump({"sources": {"shop": entry}}))
    assert "order_placed" in orjson.loads(forebay("keys", "check", "--json").stdout)["shop"]
    assert "order_placed" in forebay("keys", "check", str(file)).stdout
    file.write_text(yaml.safe_dump({"sources": {"shop": entry | {"keys": [key]}}}))
    refused = forebay("keys", "check", str(file))
    assert isinstance(refused.exception, Fatal)
    assert "sources.shop.keys.0" in str(refused.exception)
    assert key not in str(refused.exception) + refused.output
