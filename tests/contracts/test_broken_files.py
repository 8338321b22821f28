"""Each broken file breaks one thing, and says what to do about it."""

from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .topic_files import PARCEL, changed, write

SCAN_ID = "  scan_id:\n    type: uuid\n"
WEIGHT = "    minimum: 1\n    maximum: 100000\n    optional: true\n"
LABEL = "    max_length: 20\n"
NAMES = "day, scan_id, scanned_at, parcel_id, weight_grams"
FIELDS = "scan_id, scanned_at, parcel_id, weight_grams"

# what is broken: (old text, new text, message after the file's name)
BROKEN: dict[str, tuple[str, str, str]] = {
    "a tag that its value does not fit": (
        "version: 1\n",
        "version: !!int one\n",
        "line 2: no value of the type !!int, or too long for one; write what is meant",
    ),
    "a tag on a mapping that is none": (
        "cluster_by: [parcel_id]",
        "cluster_by: !!map [parcel_id]",
        "line 29: no value of the type !!map, or too long for one; write what is meant",
    ),
    "a type that JSON does not have": (
        "team: logistics",
        "team: !!set {logistics}",
        "line 5: not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:set': «owners: {team: !!set {logistics}, chat: \"#logistics\"}»",
    ),
    "a number without end": (
        "version: 1\n",
        f"version: {'1' * 5_000}\n",
        "line 2: no value of the type !!int, or too long for one; write what is meant",
    ),
    "a thousand levels": (
        "team: logistics",
        f"team: {'[' * 3_000}{']' * 3_000}",
        "file: is nested too deep; nothing in it needs so many levels",
    ),
    "a length that no text has": (
        LABEL,
        "    min_length: 100000000000000000000\n",
        "fields.parcel_id.min_length: must be 16777216 or less",
    ),
    "an unknown key": ("app: depot", "app: depot\nsource: depot", "source: unknown key; remove it"),
    "a missing key": ("version: 1\n", "", "version: is missing; add it"),
    "a misspelt key": (
        "size: small",
        "sise: small",
        "kafka.sise: unknown key; did you mean «size»?",
    ),
    "a key of another type": (
        LABEL,
        LABEL + "    minimum: 1\n",
        "fields.parcel_id.minimum: does not belong here; remove it",
    ),
    "version nought": ("version: 1\n", "version: 0\n", "version: must be 1 or more"),
    "version in words": ("version: 1\n", "version: one\n", "version: must be a whole number"),
    "version with a point": ("version: 1\n", "version: 1.5\n", "version: must be a whole number"),
    "no summary": (
        "summary: A parcel passed a scanner on its way.",
        "summary: Parcel",
        "summary: must have at least 10 characters",
    ),
    "an event name in capitals": (
        "event: parcel_scanned",
        "event: ParcelScanned",
        "event: must be lower-case words with underscores, such as order_placed",
    ),
    "an event name unlike the file's": (
        "event: parcel_scanned",
        "event: parcel_seen",
        "event is «parcel_seen»; name the file parcel_seen.yaml",
    ),
    "no owners": (
        'owners: {team: logistics, chat: "#logistics"}',
        "owners: logistics",
        "owners: must be a mapping (key: value)",
    ),
    "half of the owners": (
        'team: logistics, chat: "#logistics"',
        "team: logistics",
        "owners.chat: is missing; add it",
    ),
    "an unknown way with the unknown": (
        "kafka: {key",
        "unknown: ignore\nkafka: {key",
        "unknown: must be 'reject', 'drop' or 'keep'",
    ),
    "a Kafka key that is no field": (
        "key: parcel_id",
        "key: parcel",
        f"kafka.key: «parcel» is not in fields; there is {FIELDS}",
    ),
    "an optional Kafka key": (
        "key: parcel_id",
        "key: weight_grams",
        "kafka.key: «weight_grams» is optional; every event must have it",
    ),
    "a Kafka key that has many writings": (
        "key: parcel_id",
        "key: scanned_at",
        "kafka.key: «scanned_at» is timestamp; it must be string or integer or uuid or date",
    ),
    "an unknown size": (
        "size: small",
        "size: tiny",
        "kafka.size: must be 'small', 'medium' or 'large'",
    ),
    "a dedupe key that is no column": (
        "by: [scan_id]",
        "by: [scan]",
        f"dedupe.by.0: «scan» is no column; there is {FIELDS}",
    ),
    "an optional dedupe key": (
        "by: [scan_id]",
        "by: [scan_id, weight_grams]",
        "dedupe.by.1: «weight_grams» is optional; every event must have it",
    ),
    "a dedupe key that is named twice": (
        "by: [scan_id]",
        "by: [scan_id, scan_id]",
        "dedupe.by.1: «scan_id» is there twice; remove one",
    ),
    "a dedupe key that is dropped": (
        SCAN_ID,
        SCAN_ID + "    pii: drop\n",
        "dedupe.by.0: «scan_id» is dropped; the table must have the composite key",
    ),
    "no dedupe key": ("by: [scan_id]", "by: []", "dedupe.by: must have at least 1 of them"),
    "a dedupe key that is no list": (
        "by: [scan_id]",
        "by: scan_id",
        "dedupe.by: must be a list, such as [a, b]",
    ),
    "a copy to keep that does not exist": (
        "keep: first",
        "keep: best",
        "dedupe.keep: must be 'first' or 'last'",
    ),
    "a day from no field": (
        "from: scanned_at",
        "from: scanned",
        f"day.from: «scanned» is not in fields; there is {FIELDS}",
    ),
    "a day from no timestamp": (
        "from: scanned_at",
        "from: parcel_id",
        "day.from: «parcel_id» is string; it must be timestamp",
    ),
    "a day from what may be a default": (
        "    type: timestamp\n",
        "    type: timestamp\n    default: 2026-03-01T00:00:00Z\n",
        "day.from: «scanned_at» has a default; every event must say when it happened",
    ),
    "an unknown time zone": (
        "timezone: UTC",
        "timezone: Europe/Atlantis",
        "day.timezone: no time zone «Europe/Atlantis»; use a name such as Europe/Berlin or UTC",
    ),
    "later than remembered": (
        "late_days: 3",
        "late_days: 4",
        "day.late_days: 4 is more than dedupe.remember_days 3: "
        "a late copy would pass for new; make them equal at least",
    ),
    "late in other words": (
        "late_days: 3",
        "late_days: never",
        "day.late_days: must be a whole number, or must be 'any'",
    ),
    "remembered longer than kept": (
        "retention_days: 7",
        "retention_days: 2",
        "kafka.retention_days: 2 is less than dedupe.remember_days 3: "
        "what was seen could not be read again; make them equal at least",
    ),
    "a transform without its field": (
        "{do: trim, field: parcel_id}",
        "{do: trim}",
        "transform.0.field: is missing; add it",
    ),
    "a transform of no column": (
        "{do: trim, field: parcel_id}",
        "{do: trim, field: parcel}",
        f"transform.0.field: there is no «parcel» at this step; there is {FIELDS}",
    ),
    "a transform of a wrong type": (
        "{do: trim, field: parcel_id}",
        "{do: trim, field: weight_grams}",
        "transform.0.field: «weight_grams» is integer; it must be string",
    ),
    "a transform onto a column": (
        "{do: trim, field: parcel_id}",
        "{do: rename, field: weight_grams, to: parcel_id}",
        "transform.0.to: «parcel_id» exists already; choose another name",
    ),
    "a transform onto the day": (
        "{do: trim, field: parcel_id}",
        "{do: rename, field: weight_grams, to: day}",
        "transform.0.to: «day» is the table's own column; choose another name",
    ),
    "a transform in an unknown time zone": (
        "{do: trim, field: parcel_id}",
        "{do: date_part, field: scanned_at, part: hour, to: scanned_hour, timezone: Mars}",
        "transform.0.timezone: no time zone «Mars»; use a name such as Europe/Berlin or UTC",
    ),
    "a constant without a meaning": (
        "{do: trim, field: parcel_id}",
        "{do: constant, to: source, value: belt}",
        "transform.0.about: is missing; add it",
    ),
    "a table without a schema": (
        "table: RAW.PARCEL_SCANNED",
        "table: PARCEL_SCANNED",
        "warehouse.table: must be SCHEMA.TABLE in upper case, such as RAW.ORDER_PLACED",
    ),
    "a table with SQL in its name": (
        "table: RAW.PARCEL_SCANNED",
        "table: RAW.X; DROP TABLE Y",
        "warehouse.table: must be SCHEMA.TABLE in upper case, such as RAW.ORDER_PLACED",
    ),
    "a table among the warehouse's own": (
        "table: RAW.PARCEL_SCANNED",
        "table: INFORMATION_SCHEMA.PARCEL_SCANNED",
        "warehouse.table: INFORMATION_SCHEMA is the warehouse's own; choose another schema",
    ),
    "a table of Forebay's own": (
        "table: RAW.PARCEL_SCANNED",
        "table: RAW.LOAD_CONTROL",
        "warehouse.table: is Forebay's own; choose another name",
    ),
    "clustering by no column": (
        "cluster_by: [parcel_id]",
        "cluster_by: [parcel]",
        f"warehouse.cluster_by.0: «parcel» is no column; there is {NAMES}",
    ),
    "a duration without a unit": (
        "every: 15m",
        "every: 15",
        "load.every: must be text; put it in quotes",
    ),
    "a duration in an unknown unit": (
        "every: 15m",
        "every: 2w",
        "load.every: must be a duration such as 30s, 15m or 1h",
    ),
    "an objective in words": (
        "load: {every: 15m}\n",
        "load: {every: 15m}\nfreshness: soon\n",
        "freshness: must be a duration such as 30s, 15m or 1h",
    ),
    "an objective that no load can meet": (
        "load: {every: 15m}\n",
        "load: {every: 15m}\nfreshness: 900s\n",
        "freshness: 900s is not longer than load.every 15m: the table would be behind all the "
        "time; load more often, or promise less",
    ),
    "an example without an outcome": (
        '    row: {day: "2026-03-01", parcel_id: P1}\n',
        "",
        "examples.0: say what becomes of it: either row, rows, filtered or rejected",
    ),
    "an example of no column": (
        "parcel_id: P1}\n  - name",
        "parcel_no: P1}\n  - name",
        f"examples.0.row.parcel_no: «parcel_no» is no column; there is {NAMES}",
    ),
    "an example with an unknown reason": (
        "reason: schema",
        "reason: ugly",
        "examples.1.rejected.reason: must be 'not_json', 'unknown_event', 'schema', 'too_late', "
        "'too_early', 'too_large', 'transform' or 'run'",
    ),
    "two examples of one name": (
        "name: lighter than air",
        "name: on the belt",
        "examples.1.name: «on the belt» is there twice; each says something else",
    ),
    "no example that is rejected": (
        "    rejected: {reason: schema, field: weight_grams}",
        "    row: {weight_grams: 0}",
        "examples: none is rejected; add one with rejected",
    ),
    "no example that lands": (
        '    row: {day: "2026-03-01", parcel_id: P1}\n',
        "    rejected: {reason: schema}\n",
        "examples: none lands; add one with row",
    ),
    "a key that is there twice": (
        "version: 1\n",
        "version: 1\nversion: 2\n",
        "line 3: «version» is there twice; remove one",
    ),
    "a field that is there twice": (
        "  weight_grams:",
        "  scan_id:",
        "line 18: «scan_id» is there twice; remove one",
    ),
    "a key that is no text": (
        "version: 1\n",
        "version: 1\n2: x\n",
        "line 3: a key must be text; put it in quotes",
    ),
    "no YAML": (
        "app: depot",
        "app: [depot",
        "line 5: not YAML: did not find expected ',' or ']': "
        "«owners: {team: logistics, chat: \"#logistics\"}»; close the bracket of line 4, "
        "and quote text in it that has a colon, a comma or a bracket",
    ),
    "a colon in unquoted text": (
        "app: depot",
        "app: depot: north",
        "line 4: not YAML: mapping values are not allowed in this context: «app: depot: north»; "
        "quote text that has a colon or comma, or indent the line like its neighbours",
    ),
    "a comma in unquoted text": (
        "every: 15m",
        "every: 15m, by us.",
        "load.by us.: unknown key; is it a part of a text with a comma? Quote the text",
    ),
    "a misspelt key that is needed": (
        "dedupe:",
        "dedup:",
        "dedup: unknown key; did you mean «dedupe»?",
    ),
    "a tab": (
        "  scan_id:",
        "\tscan_id:",
        "line 7: not YAML: found character that cannot start any token: «scan_id:»; "
        "indent with spaces, not with a tab",
    ),
    "an unknown tag": (
        "app: depot",
        "app: !secret depot",
        "line 4: not YAML: could not determine a constructor for the tag '!secret': "
        "«app: !secret depot»",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_says_what_to_do(what: str, tmp_path: Path) -> None:
    old, new, message = BROKEN[what]
    folder = write(tmp_path, {"parcel_scanned.yaml": changed((old, new))})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value) == f"{folder / 'parcel_scanned.yaml'}: {message}"


def test_the_unbroken_file_is_good(tmp_path: Path) -> None:
    contracts = load_contracts(write(tmp_path, {"parcel_scanned.yaml": PARCEL}))
    assert list(contracts) == ["parcel_scanned"]


def test_all_problems_of_all_files_come_in_one_message(tmp_path: Path) -> None:
    letter = changed(("event: parcel_scanned", "event: letter_sent"), ("app: depot", "ap: depot"))
    parcel = changed(("size: small", "size: tiny"), ("keep: first", "keep: best"))
    folder = write(
        tmp_path, {"letter_sent.yaml": letter, "parcel_scanned.yaml": parcel, "x.yaml": "["}
    )
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value).splitlines() == [
        f"{folder}/letter_sent.yaml: ap: unknown key; did you mean «app»?",
        f"{folder}/parcel_scanned.yaml: kafka.size: must be 'small', 'medium' or 'large'",
        f"{folder}/parcel_scanned.yaml: dedupe.keep: must be 'first' or 'last'",
        f"{folder}/x.yaml: line 2: not YAML: did not find expected node content",
    ]


def test_two_files_can_not_share_an_event_or_a_table(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.yaml": PARCEL, "parcel_scanned.yaml": PARCEL})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value).splitlines() == [
        f"{folder}/a.yaml: event is «parcel_scanned»; name the file parcel_scanned.yaml",
        f"{folder}/parcel_scanned.yaml: event: «parcel_scanned» is in a.yaml already; keep one",
        f"{folder}/parcel_scanned.yaml: warehouse.table: RAW.PARCEL_SCANNED belongs to a.yaml "
        "already; choose another",
    ]


def test_of_two_files_with_one_table_the_one_of_another_name_is_told(tmp_path: Path) -> None:
    copied = changed(("event: parcel_scanned", "event: letter_sent"))
    folder = write(tmp_path, {"letter_sent.yaml": copied, "parcel_scanned.yaml": PARCEL})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value) == (
        f"{folder}/letter_sent.yaml: warehouse.table: RAW.PARCEL_SCANNED belongs to "
        "parcel_scanned.yaml already; choose another"
    )


def test_a_file_that_ends_in_yml_is_not_overlooked(tmp_path: Path) -> None:
    folder = write(tmp_path, {"parcel_scanned.yml": PARCEL})
    with pytest.raises(Fatal, match=r"name the file parcel_scanned\.yaml"):
        load_contracts(folder)


def test_a_folder_without_topic_files_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Fatal) as caught:
        load_contracts(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"{tmp_path / 'nowhere'}: no *.yaml files here; is TOPICS_DIR right?"
    )


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(Fatal, match=r"x\.yaml: file: can not be read as UTF-8 text"):
        load_contracts(tmp_path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("# nothing yet\n")
    with pytest.raises(Fatal, match=r"x\.yaml: must be a mapping"):
        load_contracts(tmp_path)
