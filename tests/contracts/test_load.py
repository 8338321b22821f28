"""Reading a folder: what YAML means here, and what names a configuration."""

from pathlib import Path

from app.contracts.load import load_contracts
from app.contracts.table import LINEAGE

from .topic_files import PARCEL, changed, load, write


def test_a_configuration_has_one_name_however_it_is_laid_out(tmp_path: Path) -> None:
    first = load(tmp_path / "a", PARCEL)
    layout = changed(
        ("owners: {team: logistics, chat: \"#logistics\"}",
         "# who?\nowners:\n  chat: '#logistics'\n  team: logistics"),
        ("load: {every: 15m}\n", ""),
    )  # fmt: skip
    assert load(tmp_path / "b", layout).config_sha == first.config_sha


def test_a_change_of_content_is_another_configuration(tmp_path: Path) -> None:
    first = load(tmp_path / "a", PARCEL)
    other = load(tmp_path / "b", changed(("maximum: 100000", "maximum: 100001")))
    assert other.config_sha != first.config_sha


def test_the_order_of_the_fields_is_content_as_columns_stand_in_it(tmp_path: Path) -> None:
    first = load(tmp_path / "a", PARCEL)
    scan_id = """\
  scan_id:
    type: uuid
    about: Made by the scanner, and the same on every retry.
"""
    moved = changed((scan_id, ""), ("kafka: {key", scan_id + "kafka: {key"))
    other = load(tmp_path / "b", moved)
    assert [column.name for column in other["parcel_scanned"].table.columns][4] == "scan_id"
    assert other.config_sha != first.config_sha


def test_contracts_come_by_name_in_order(tmp_path: Path) -> None:
    letter = changed(
        ("event: parcel_scanned", "event: letter_scanned"),
        ("RAW.PARCEL_SCANNED", "RAW.LETTER_SCANNED"),
        ("size: small", "size: large"),
        ("every: 15m", "every: 1h"),
    )
    files = {"parcel_scanned.yaml": PARCEL, "letter_scanned.yaml": letter}
    contracts = load_contracts(write(tmp_path, files))
    assert list(contracts) == ["letter_scanned", "parcel_scanned"]
    assert contracts["letter_scanned"].topic == "events.letter_scanned.v1"
    assert contracts.partitions == {"letter_scanned": 24, "parcel_scanned": 2}
    letters = contracts.topics["events.letter_scanned.v1"]
    assert (letters.partitions, letters.config.keys()) == (24, {"retention.ms"})
    assert {e: s.longest_gap.total_seconds() for e, s in contracts.schedules.items()} == {
        "letter_scanned": 3600,
        "parcel_scanned": 900,
    }


def test_no_is_a_word_and_a_day_is_text(tmp_path: Path) -> None:
    text = changed(
        ("    max_length: 20\n", "    one_of: [NO, on, 2026-03-01, 12:30]\n"),
    )
    field = load(tmp_path, text)["parcel_scanned"].fields["parcel_id"]
    assert field.one_of == ("NO", "on", "2026-03-01", "12:30")


def test_a_table_is_the_day_the_columns_and_where_they_came_from(tmp_path: Path) -> None:
    table = load(tmp_path)["parcel_scanned"].table
    names = ["day", "scan_id", "scanned_at", "parcel_id", "weight_grams"]
    assert [column.name for column in table.columns] == names + [c.name for c in LINEAGE]
    assert (table.name, table.key, table.keep) == ("RAW.PARCEL_SCANNED", ("scan_id",), "first")
    assert table.cluster_by == ("parcel_id",)
    assert [column.nullable for column in table.columns[:5]] == [False] * 4 + [True]


def test_a_hundred_files_are_read_in_a_moment(tmp_path: Path) -> None:
    files = {
        f"event_{n}.yaml": changed(
            ("event: parcel_scanned", f"event: event_{n}"), ("RAW.PARCEL", f"RAW.P{n}")
        )
        for n in range(100)
    }
    assert len(load_contracts(write(tmp_path, files))) == 100
