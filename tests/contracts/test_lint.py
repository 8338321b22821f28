"""Advice: each rule has a file that breaks it and nothing else, and a good file has none."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.contracts.lint.run import RULES, lint
from app.contracts.load import read_folder
from app.core.errors import Fatal

from .topic_files import PARCEL, changed, write

TODAY = date(2026, 11, 30)
SHIPPED = Path(__file__).parents[2] / "topics"
CLEAN = changed(
    ('parcel_id: " P1"}', 'parcel_id: " P1"}\n    received_at: "2026-03-02T00:00:00Z"'),
    ("  - name: lighter", "  - name: weighed\n"
     "    given: {scan_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b11, "
     'scanned_at: "2026-03-01T23:59:58Z", parcel_id: P1, weight_grams: 7}\n'
     "    row: {weight_grams: 7}\n  - name: lighter"),
)  # fmt: skip
GIVEN = "parcel_id: P1, weight_grams: 7}"
ABOUT = 'about: "Who had it and where that was."'
CITY = "{type: string, max_length: 60, pii: keep, about: Where it was packed.}"
SENDER = (GIVEN, 'parcel_id: P1, weight_grams: 7, sender: {city: Bonn, email: "a@example.com"}}')


def field(line: str) -> tuple[str, str]:
    """A change that adds a field, which the examples need not have."""
    return ("kafka: {key", f"  {line}\nkafka: {{key")


def advice(folder: Path, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Rule, place and text of all advice on one file."""
    reading = read_folder(write(folder, {"parcel_scanned.yaml": changed(*changes, text=CLEAN)}))
    assert reading.problems == []
    return [(one.rule, one.where, one.what) for one in lint(reading, TODAY)]


# rule: (what breaks it, where, the beginning of what is said)
BROKEN: dict[str, list[tuple[list[tuple[str, str]], str, str]]] = {
    "about-empty": [
        ([("The number on the label.", "This is the parcel ID.")], "fields.parcel_id.about",
         "«This is the parcel ID.» says no more than the name"),
    ],
    "about-copied": [
        ([("The number on the label.", "Made by the scanner, and the same on every retry!")],
         "fields.parcel_id.about", "is the same as that of fields.scan_id"),
    ],
    "pii-clear": [
        ([("parcel_id", "sender_email")], "fields.sender_email.pii",
         "«sender_email» looks like an e-mail address, and lands in clear; hash or drop it"),
        ([("parcel_id", "full_name")], "fields.full_name.pii", "«full_name» looks like a name"),
        ([field(f"sender: {{type: object, optional: true, {ABOUT}, fields: {{city: {CITY}, email: "
                "{type: string, max_length: 99, pii: keep, about: Where it answers.}}}"),
          SENDER],
         "fields.sender.fields.email.pii", "«email» looks like an e-mail address"),
        ([field(f"phones: {{type: list, optional: true, {ABOUT}, "
                "items: {type: string, max_length: 20, pii: keep}}"),
          (GIVEN, 'parcel_id: P1, weight_grams: 7, phones: ["+4915550001234"]}')],
         "fields.phones.items.pii", "«phones» looks like a phone number"),
        ([("    max_length: 20\n", "    max_length: 20\n    format: email\n"),
          ("P1", "a@example.com")],
         "fields.parcel_id.pii", "«parcel_id» looks like an e-mail address"),
        ([("parcel_id", "api_token")], "fields.api_token.pii", "«api_token» looks like a secret"),
        ([("parcel_id", "client_ip")], "fields.client_ip.pii",
         "«client_ip» looks like a network address"),
        ([("  weight_grams:\n    type: integer\n    minimum: 1\n    maximum: 100000\n",
           "  weight_grams:\n    type: date\n"), ("weight_grams", "birth_date"),
          ("birth_date: 7}\n    row: {birth_date: 7}",
           'birth_date: "2020-02-02"}\n    row: {birth_date: "2020-02-02"}')],
         "fields.birth_date.pii", "«birth_date» looks like a date of birth"),
    ],
    "deprecated-past": [
        ([("optional: true", "optional: true\n    deprecated: 2026-11-29")],
         "fields.weight_grams.deprecated", "2026-11-29 is past; if nobody sends «weight_grams»"),
    ],
    "pii-hashed-choice": [
        ([("    max_length: 20\n    pii: keep", "    one_of: [P1, P2, P3]\n    pii: hash"),
          ("    row: {day: \"2026-03-01\", parcel_id: P1}", "    row: {day: \"2026-03-01\"}"),
          ('parcel_id: " P1"', "parcel_id: P2"), ("  - {do: trim, field: parcel_id}\n", ""),
          ("transform:\n", "")],
         "fields.parcel_id.pii", "a hash of one of 3 values hides little"),
    ],
    "pii-secret": [
        ([("parcel_id", "password"), ("pii: keep", "pii: hash"),
          ("    row: {day: \"2026-03-01\", password: P1}", "    row: {day: \"2026-03-01\"}")],
         "fields.password.pii", "«password» looks like a secret, of no use to anybody; drop it"),
    ],
    "key-unique": [
        ([("key: parcel_id", "key: scan_id")], "kafka.key", "«scan_id» is another one in each"),
    ],
    "key-few-values": [
        ([("    max_length: 20\n", "    one_of: [P1, P2, P3]\n"), ("size: small", "size: medium"),
          ('parcel_id: " P1"', "parcel_id: P2"), ("row: {day: \"2026-03-01\", parcel_id: P1}",
          "row: {day: \"2026-03-01\"}"), ("transform:\n  - {do: trim, field: parcel_id}\n", "")],
         "kafka.size", "medium has 6 partitions, and «parcel_id» only 3 values"),
    ],
    "partitions-one": [
        ([("    max_length: 20\n", "    one_of: [P1]\n"), ('parcel_id: " P1"', "parcel_id: P1")],
         "kafka.key", "«parcel_id» is always the same"),
    ],
    "dedupe-risky": [
        ([("by: [scan_id]", "by: [scan_id, upload_attempt]"),
          field('upload_attempt: {type: integer, about: "How often it was tried."}'),
          ("parcel_id: ", "upload_attempt: 1, parcel_id: ")],
         "dedupe.by.1", "«upload_attempt» looks like something that changes when"),
        ([("by: [scan_id]", "by: [scan_id, parcel_id]"), ("    max_length: 20\n",
          "    max_length: 2000\n")], "dedupe.by.1", "«parcel_id» is free text"),
        ([("by: [scan_id]", "by: [scan_id, parcel_id]"), ("pii: keep", "pii: hash"),
          ("row: {day: \"2026-03-01\", parcel_id: P1}", "row: {day: \"2026-03-01\"}")],
         "dedupe.by.1", "«parcel_id» is hashed"),
    ],
    "upsert-day": [
        ([("keep: first", "keep: last")], "day.from", "where the newest copy stands, one with"),
        ([("keep: first", "keep: last"), ("by: [scan_id]", "by: [scan_id, scanned_hour]"),
          ("  - {do: trim, field: parcel_id}", "  - {do: trim, field: parcel_id}\n"
           "  - {do: date_part, field: scanned_at, part: hour, to: scanned_hour}")],
         "day.from", "where the newest copy stands, one with"),
    ],
    "string-unbounded": [
        ([("    max_length: 20\n", "")], "fields.parcel_id", "«parcel_id» may be as long as"),
        ([("    max_length: 20\n", "    pattern: ^[ P0-9]+$\n")], "fields.parcel_id",
         "«parcel_id» may be as long as"),
    ],
    "example-misses": [
        ([(", weight_grams: 7}\n    row: {weight_grams: 7}", "}\n    row: {weight_grams: ~}")],
         "fields.weight_grams", "no example that lands has it; give it in one"),
        ([('parcel_id: " P1"', 'weight_grams: 8, parcel_id: " P1"')],
         "fields.weight_grams", "is optional, and each example has it; leave it out in one"),
        ([("    max_length: 20\n", "    one_of: [P1, P2]\n"),
          ('parcel_id: " P1"', "parcel_id: P1")],
         "fields.parcel_id", "each example says P1; let another one say P2"),
    ],
}  # fmt: skip
ELSEWHERE = {"summary-copied", "default-repeated"}  # need more than one file


def replaced(*changes: tuple[str, str]) -> list[tuple[str, str]]:
    """The changes as one: a name may be there many times."""
    text = CLEAN
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return [(CLEAN, text)]


@pytest.mark.parametrize(
    ("rule", "changes", "where", "says"),
    [(rule, *case) for rule, cases in BROKEN.items() for case in cases],
)
def test_a_rule_has_advice_for_the_file_that_breaks_it(
    rule: str, changes: list[tuple[str, str]], where: str, says: str, tmp_path: Path
) -> None:
    [(name, place, what)] = advice(tmp_path, *replaced(*changes))
    assert (name, place) == (rule, where)
    assert what.startswith(says)


def test_each_rule_is_tried() -> None:
    assert set(BROKEN) | ELSEWHERE >= {rule.name for rule in RULES}
    assert all(re.fullmatch(r"[A-Z].*\.", rule.why) for rule in RULES)


def test_a_good_file_and_the_shipped_ones_get_no_advice(tmp_path: Path) -> None:
    assert advice(tmp_path) == []
    assert lint(read_folder(SHIPPED), TODAY) == []


@pytest.mark.parametrize(
    "name", ["product_name", "email_verified", "ip_version", "token_count", "address_type"]
)
def test_a_thing_is_no_person(name: str, tmp_path: Path) -> None:
    assert advice(tmp_path, *replaced(("parcel_id", name))) == []


@pytest.mark.parametrize("step", ["hash", "truncate_ip"])
def test_what_a_step_hides_is_not_in_clear(step: str, tmp_path: Path) -> None:
    ip = [("parcel_id", "client_ip"), ("P1", "192.0.2.7"), ('" 192.0.2.7"', "192.0.2.7")]
    hidden = ("do: trim, field: client_ip", f"do: {step}, field: client_ip")
    row = ('row: {day: "2026-03-01", client_ip: 192.0.2.7}', 'row: {day: "2026-03-01"}')
    assert [rule for rule, *_ in advice(tmp_path / "clear", *replaced(*ip))] == ["pii-clear"]
    assert advice(tmp_path / "hidden", *replaced(*ip, hidden, row)) == []


@pytest.mark.parametrize(
    "changes",
    [
        [("by: [scan_id]", "by: [scan_id, scanned_at]")],
        [
            ("by: [scan_id]", "by: [scan_id, passed_at]"),
            ("  - {do: trim", "  - {do: rename, field: scanned_at, to: passed_at}\n  - {do: trim"),
        ],
        [("\nday: ", "\n# lint: allow upsert-day (a parcel passes a scanner once)\nday: ")],
    ],
)
def test_a_copy_that_names_its_day_or_says_that_it_is_the_same_may_take_the_place_of_another(
    changes: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert advice(tmp_path, ("keep: first", "keep: last"), *changes) == []


def test_two_events_do_not_share_a_summary(tmp_path: Path) -> None:
    letter = CLEAN.replace("parcel_scanned", "letter_scanned").replace("RAW.PARCEL", "RAW.LETTER")
    folder = write(tmp_path, {"letter_scanned.yaml": letter, "parcel_scanned.yaml": CLEAN})
    [one] = lint(read_folder(folder), TODAY)
    assert str(one) == (
        f"{folder}/parcel_scanned.yaml: summary: is that of letter_scanned; say what this event "
        "tells (summary-copied)"
    )


def test_what_the_defaults_say_is_not_repeated(tmp_path: Path) -> None:
    app = (
        'owners: {team: logistics, chat: "#other"}\nkafka: {size: small}\n'
        "dedupe: {by: [scan_id]}\nwarehouse: {schema: RAW}\n"
    )
    folder = write(tmp_path, {"depot/_app.yaml": app, "depot/parcel_scanned.yaml": CLEAN})
    found = lint(read_folder(folder), TODAY)
    assert {one.rule for one in found} == {"default-repeated"}
    assert [(one.where, one.what) for one in found] == [
        ("app", "is the folder's name; remove it from parcel_scanned.yaml"),
        ("owners.team", "_app.yaml says the same; remove it here"),
        ("kafka.size", "_app.yaml says the same; remove it here"),
        ("dedupe.by", "_app.yaml says the same; remove it here"),
        ("warehouse.table", "is RAW.PARCEL_SCANNED without saying so; remove it"),
    ]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# lint: allow pii-clear", 0),
        ("# lint: allow pii-clear fields.full_name: the name of a ship", 0),
        ("# lint: allow pii-clear fields.name", 1),
        ("# lint: allow pii-secret", 1),
    ],
)
def test_a_comment_answers_a_rule(comment: str, left: int, tmp_path: Path) -> None:
    changes = replaced(("parcel_id", "full_name"), ("version: 1", f"version: 1  {comment}"))
    assert len(advice(tmp_path, *changes)) == left


def run(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(topics, ["lint", *arguments], env={"TOPICS_DIR": str(folder)})


def test_the_command_gives_advice_and_only_strictly_fails(tmp_path: Path) -> None:
    text = CLEAN.replace("parcel_id", "full_name")
    folder = write(tmp_path, {"parcel_scanned.yaml": text})
    done = run(folder=folder)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        f"{folder}/parcel_scanned.yaml: fields.full_name.pii: «full_name» looks like a name, and "
        "lands in clear; hash or drop it (pii-clear)",
        "Topics: 1, pieces of advice: 1.",
    ]
    assert run("--strict", folder=folder).exit_code == 1
    assert run("--strict", folder=SHIPPED).exit_code == 0
    [one] = json.loads(run("--json", folder=folder).output)
    assert (one["rule"], one["where"]) == ("pii-clear", "fields.full_name.pii")
    assert set(json.loads(run("--rules", "--json", folder=folder).output)) == {
        rule.name for rule in RULES
    }


def test_there_is_no_advice_on_files_that_are_wrong(tmp_path: Path) -> None:
    folder = write(tmp_path, {"parcel_scanned.yaml": PARCEL, "x.yaml": "["})
    done = run(folder=folder)
    assert isinstance(done.exception, Fatal)
    assert "x.yaml: line 2: not YAML" in str(done.exception)
