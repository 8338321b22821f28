"""`forebay topics apply`, on a real Kafka and a real warehouse."""

import json
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from app.commands.topics.apply import make_missing
from app.contracts.load import load_contracts
from app.core.errors import Fatal
from app.kafka import KafkaOptions
from app.settings import Settings
from app.topic_ids import topic_ids
from sinks.duckdb.options import DuckDBOptions
from tests.commands.test_cli import forebay
from tests.conftest import run
from tests.contracts.topic_files import changed, write

PARTS = ("kafka: {key: parcel_id, size: small", "kafka: {key: parcel_id, size: medium")
COLUMN = ("    type: integer\n    minimum: 1\n    maximum: 100000\n", "    type: timestamp\n")
MORE = (
    "kafka: {key",
    "  belt:\n    {type: integer, optional: true, about: Which one.}\nkafka: {key",
)
LIGHT = ("P1, weight_grams: 0}\n    rejected", "P1, weight_grams: x}\n    rejected")


def files(folder: Path, event: str, *changes: tuple[str, str]) -> Path:
    name = ("event: parcel_scanned", f"event: {event}")
    table = ("RAW.PARCEL_SCANNED", f"RAW.{event.upper()}")
    return write(folder, {f"{event}.yaml": changed(name, table, *changes)})


def where(kafka: str, folder: Path) -> Settings:
    return Settings(
        kafka=KafkaOptions(brokers=kafka),
        warehouse="duckdb",
        duckdb=DuckDBOptions(path=folder / "warehouse.duckdb"),
    )


def refused(settings: Settings, topics: Path) -> str:
    with pytest.raises(Fatal) as caught:
        run(make_missing(settings, load_contracts(topics)))
    return str(caught.value)


def columns(folder: Path) -> Mapping[str, str]:
    with duckdb.connect(f"{folder}/warehouse.duckdb", read_only=True) as db:
        found = db.sql("SELECT column_name, data_type FROM information_schema.columns").fetchall()
    return dict(found)


def test_topics_and_tables_are_made_once_and_what_does_not_fit_is_refused(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    event = f"parcel_{unique}"
    topic = f"events.{event}.v1"
    settings = where(kafka, tmp_path)
    old = load_contracts(files(tmp_path / "old", event))
    made = run(make_missing(settings, old))
    assert (made.topics, list(made.tables)) == ([topic], [f"RAW.{event.upper()}"])
    assert columns(tmp_path)["weight_grams"] == "DECIMAL(38,0)"
    assert topic in run(topic_ids(settings.kafka, [topic]))
    assert run(make_missing(settings, old)) == ([], {})

    assert "belt" not in columns(tmp_path)
    run(make_missing(settings, load_contracts(files(tmp_path / "wider", event, MORE))))
    assert columns(tmp_path)["belt"] == "DECIMAL(38,0)"

    said = refused(settings, files(tmp_path / "parts", event, PARTS))
    assert "has 2 partitions, its contract wants 6" in said
    assert "weight_grams" in refused(settings, files(tmp_path / "type", event, COLUMN, LIGHT))
    assert columns(tmp_path)["weight_grams"] == "DECIMAL(38,0)"


def test_the_command_tells_what_it_made(kafka: str, unique: str, tmp_path: Path) -> None:
    event = f"letter_{unique}"
    topics = files(tmp_path / "topics", event)
    done = forebay(
        "topics", "apply", "--kafka-only", "--json", KAFKA__BROKERS=kafka, TOPICS_DIR=str(topics)
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"topics": [f"events.{event}.v1"], "tables": {}}
