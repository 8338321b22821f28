"""`forebay topics diff`: each change has its verdict, in words and in Markdown."""

import json
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.contracts.compile import compile_contract
from app.contracts.diff.markdown import markdown
from app.contracts.diff.run import diff
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.core.errors import Fatal, Rejected
from app.core.judge import Accepted, judge

from .diff_cases import BASE, CASES, SAFE, TRIM, UNSAFE
from .topic_files import changed, load, write

FILE = "parcel_scanned.yaml"


@pytest.mark.parametrize("name", CASES)
def test_a_change_has_its_verdict(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = diff(load(tmp_path / "old", BASE), load(tmp_path / "new", case.text))
    said = {change.where: str(change.verdict) for event in found for change in event.changes}
    assert said == case.says
    assert len(said) == sum(len(event.changes) for event in found)


def test_there_are_many_changes_of_each_verdict() -> None:
    assert len(CASES) >= 50
    for verdict in (SAFE, UNSAFE, "new version"):
        assert sum(case.worst == verdict for case in CASES.values()) >= 10


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_safe_says_why_and_what_to_do(name: str, tmp_path: Path) -> None:
    found = diff(load(tmp_path / "old", BASE), load(tmp_path / "new", CASES[name].text))
    for event in found:
        for change in event.changes:
            assert change.what
            assert str(change.verdict) == SAFE or (change.why and change.do), change


def test_events_come_and_go(tmp_path: Path) -> None:
    letter = BASE.replace("parcel_scanned", "letter_scanned")
    old = load(tmp_path / "old", BASE)
    new = load(tmp_path / "new", letter.replace("RAW.PARCEL", "RAW.LETTER"), "letter_scanned.yaml")
    came, went = diff(old, new)
    assert (came.event, came.verdict, went.event, went.verdict) == (
        "letter_scanned", "safe", "parcel_scanned", "unsafe",
    )  # fmt: skip
    assert "forebay audit" in went.changes[0].do
    taken = diff(old, load(tmp_path / "taken", letter, "letter_scanned.yaml"))
    assert [str(change.verdict) for change in taken[0].changes] == ["safe", "unsafe"]
    assert "replaces the rows of parcel_scanned" in taken[0].changes[1].why


def test_a_key_that_is_made_in_another_way_is_another_key(tmp_path: Path) -> None:
    by_label = changed(("by: [scan_id]", "by: [scan_id, label]"), text=BASE)
    old = load(tmp_path / "old", by_label)
    lower = changed((TRIM, f"{TRIM}\n  - {{do: lower, field: label}}"), text=by_label)
    hashed = changed(('$", pii: keep', '$", pii: hash'), text=by_label)
    for number, (text, places) in enumerate(
        [(lower, {"transform (label)", "dedupe.by.label"}),
         (hashed, {"fields.label.pii", "dedupe.by.label"})]
    ):  # fmt: skip
        [event] = diff(old, load(tmp_path / f"new{number}", text))
        said = {change.where: str(change.verdict) for change in event.changes}
        assert set(said) == places
        assert said["dedupe.by.label"] == "new version"


MAP = "{do: map, field: route, to: way, values: {A1: left}, about: Where the belt goes.%s}"
NUMBER = "{do: parse_number, field: route, to: nth, as: integer, about: Its number on the map.}"
IN_FLIGHT: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]], dict[str, object]]] = {
    "a default of null is gone": (
        [(TRIM, f"{TRIM}\n  - {MAP % ', default: ~'}")],
        [(TRIM, f"{TRIM}\n  - {MAP % ''}")],
        {"route": "B2"},
    ),
    "two steps change places": (
        [(TRIM, f"{TRIM}\n  - {MAP % ''}")],
        [(TRIM, f"  - {MAP % ''}\n{TRIM}")],
        {"route": " A1"},
    ),
    "what a step read trimmed is no longer": (
        [(TRIM, f"{TRIM}\n  - {NUMBER}")],
        [(TRIM, f"  - {NUMBER}")],
        {"route": " 7"},
    ),
    "letters become two": ([], [(TRIM, "  - {do: upper, field: route}")], {"route": "ß" * 9}),
    "what was dropped is kept": (
        [("unknown: reject", "unknown: drop")],
        [("unknown: reject", "unknown: keep")],
        {"colour": "a\0b"},
    ),
    "what was dropped of an object is kept": (
        [("    about: The box", "    unknown: drop\n    about: The box")],
        [("    about: The box", "    unknown: keep\n    about: The box")],
        {"box": {"height": 1, "colour": "red", "depth": 10**39}},
    ),
}


@pytest.mark.parametrize("name", IN_FLIGHT)
def test_what_would_be_refused_in_flight_is_not_safe(name: str, tmp_path: Path) -> None:
    was, becomes, more = IN_FLIGHT[name]
    old, new = (
        load(tmp_path / side, changed(*changes, text=BASE))
        for side, changes in (("old", was), ("new", becomes))
    )
    contract = old["parcel_scanned"]
    sent = json.dumps(contract.examples[0].given | more).encode()
    moment = datetime.fromisoformat("2026-03-01T23:59:58Z")
    before, after = (
        judge(compile_contract(side["parcel_scanned"], EXAMPLE_PII_KEY), sent, moment)
        for side in (old, new)
    )
    assert isinstance(before, Accepted)
    assert isinstance(after, Rejected)
    [event] = diff(old, new)
    assert event.verdict == "new version"


def test_a_hidden_field_that_is_gone_would_land_in_clear_with_what_is_unknown(
    tmp_path: Path,
) -> None:
    keep = ("unknown: reject", "unknown: keep")
    hidden = "  sender: {type: string, max_length: 80, pii: hash, about: Who sent it.}\n"
    old = load(tmp_path / "old", changed(keep, text=BASE))
    new = load(tmp_path / "new", changed(keep, (hidden, ""), (", sender: Shop", ""), text=BASE))
    [event] = diff(old, new)
    said = {change.where: str(change.verdict) for change in event.changes}
    assert said["fields.sender"] == UNSAFE


def test_what_is_no_longer_left_out_is_told(tmp_path: Path) -> None:
    light = "{do: drop_event, if: {field: belt, is: 90}, why: the belt for tests}"
    old = load(tmp_path / "old", changed((TRIM, f"{TRIM}\n  - {light}"), text=BASE))
    [event] = diff(old, load(tmp_path / "new", BASE))
    assert [(c.where, str(c.verdict)) for c in event.changes] == [("transform.1 (former)", SAFE)]
    assert "the belt for tests" in event.changes[0].what


def test_rows_of_another_list_are_other_rows(tmp_path: Path) -> None:
    items = "{type: string, max_length: 9, pii: keep}"
    more = f"  marks: {{type: list, items: {items}, about: Its marks.}}\n"
    texts = [
        changed(
            (TRIM, f"{TRIM}\n  - {{do: explode, field: {name}, index: nth, to: one}}"),
            ("kafka: {key", f"{more}kafka: {{key"),
            ('row: {day: "2026-03-01", parcel_id: P1}', "rows: []"),
            text=BASE,
        )
        for name in ("stops", "marks")
    ]
    [event] = diff(load(tmp_path / "old", texts[0]), load(tmp_path / "new", texts[1]))
    [explode] = [change for change in event.changes if change.where == "explode"]
    assert str(explode.verdict) == "unsafe"
    assert diff(load(tmp_path / "a", texts[0]), load(tmp_path / "b", texts[0])) == []


def test_another_default_of_the_kafka_key_is_another_key(tmp_path: Path) -> None:
    texts = [
        changed(("parcel_id: {type", f"parcel_id: {{default: {value}, type"), text=BASE)
        for value in "ab"
    ]
    [event] = diff(*(load(tmp_path / f"{n}", text) for n, text in enumerate(texts)))
    assert {change.where: str(change.verdict) for change in event.changes} == {
        "fields.parcel_id": "safe",
        "kafka.key": "new version",
    }


def test_a_table_cell_holds_whatever_a_pattern_may(tmp_path: Path) -> None:
    wild = changed(("^L[0-9]{1,6}$", "^(L|M)`*<x>$"), text=BASE)
    found = diff(load(tmp_path / "old", BASE), load(tmp_path / "new", wild))
    assert "→ ^(L\\|M)\\`\\*&lt;x>$ |" in markdown("a", "b", found)


def test_a_version_is_not_lowered(tmp_path: Path) -> None:
    second = load(tmp_path / "old", changed(("version: 1", "version: 2"), text=BASE))
    [event] = diff(second, load(tmp_path / "new", BASE))
    assert event.verdict == "unsafe"


def run(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(topics, ["diff", *arguments], env={"TOPICS_DIR": str(folder)})


def fatal(*arguments: str, folder: Path) -> str:
    result = run(*arguments, folder=folder)
    assert isinstance(result.exception, Fatal)
    return str(result.exception)


def test_a_comment_for_a_pull_request(tmp_path: Path) -> None:
    text = changed(
        ("maximum: 90", "maximum: 9"), ("weight: {type: integer", "weight: {type: number"),
        ("every: 15m", "every: 5m"), ("[letter, parcel, bag]", "[letter, parcel, bag, box]"),
        ("retention_days: 7", "retention_days: 9"), text=BASE,
    )  # fmt: skip
    old = write(tmp_path / "old", {FILE: BASE})
    new = write(tmp_path / "new", {FILE: text})
    done = run(str(old), str(new), folder=new)
    assert done.exit_code == 1
    assert (
        done.output
        == f"""\
## Topic files: `{old}` → `{new}`

**1 unsafe, 2 need a new version, 3 safe.**

### parcel_scanned (v1): unsafe

| verdict | change | why | what to do |
|---|---|---|---|
| **unsafe** | `column weight` integer → number | a day that is loaded again has objects with \
values of the former type | give the field another name, which makes a new column |
| **needs a new version** | `fields.belt.maximum` 90 → 9 | events in flight may be refused, and \
would become dead letters | raise version |
| **needs a new version** | `fields.weight.type` integer → number | events in flight are written \
for the former type | send it under a new name, as a new field; or raise version |
| safe | `kafka.retention_days` 7 → 9 | it counts when a topic is made | for \
events.parcel_scanned.v1, set retention.ms in Kafka |

Safe:

* `fields.sort.one_of` [letter, parcel, bag] → [letter, parcel, bag, box]
* `load.every` 15m → 5m
"""
    )


def test_what_nobody_has_to_act_on_is_one_line_for_each_event(tmp_path: Path) -> None:
    letter = BASE.replace("parcel_scanned", "letter_scanned").replace("RAW.PARCEL", "RAW.LETTER")
    wider = changed(("maximum: 90", "maximum: 900"), ("every: 15m", "every: 5m"), text=BASE)
    old = load_contracts(write(tmp_path / "old", {FILE: BASE}))
    new = load_contracts(write(tmp_path / "new", {FILE: wider, "letter_scanned.yaml": letter}))
    assert (
        markdown("main", "topics", diff(old, new))
        == """\
## Topic files: `main` → `topics`

**3 safe.**

### Safe

* letter_scanned (v1): `event` is new: topic events.letter_scanned.v1, table RAW.LETTER_SCANNED
* parcel_scanned (v1): `fields.belt.maximum` 90 → 900; `load.every` 15m → 5m
"""
    )
    narrower = {FILE: BASE.replace("maximum: 90", "maximum: 9"), "letter_scanned.yaml": letter}
    text = markdown("main", "topics", diff(old, load_contracts(write(tmp_path / "b", narrower))))
    heads = [line for line in text.splitlines() if line.startswith("###")]
    assert heads == ["### parcel_scanned (v1): needs a new version", "### All else: safe"]


def test_machines_get_json_and_an_exit_status(tmp_path: Path) -> None:
    old = write(tmp_path / "old", {FILE: BASE})
    new = write(tmp_path / "new", {FILE: changed(("maximum: 90", "maximum: 900"), text=BASE)})
    done = run(str(old), str(new), "--json", folder=new)
    assert done.exit_code == 0
    [event] = json.loads(done.output)
    assert (event["event"], event["version"], event["verdict"]) == ("parcel_scanned", 1, "safe")
    assert event["changes"][0]["where"] == "fields.belt.maximum"
    assert run(str(new), str(old), "--json", folder=new).exit_code == 1
    same = run(str(old), str(old), folder=old)
    assert (same.exit_code, "Nothing changes" in same.output) == (0, True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Its first commit has a flat file, its second one in a folder with another maximum."""

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    folder = write(tmp_path / "topics", {FILE: BASE})
    git("add", "topics")
    git("commit", "-m", "one")
    (folder / FILE).unlink()
    narrow = changed(("maximum: 90", "maximum: 9"), text=BASE)
    write(folder, {f"depot/{FILE}": narrow})
    git("add", "topics")
    git("commit", "-m", "two")
    git("branch", "former", "HEAD~1")
    write(folder, {f"depot/{FILE}": changed(("every: 15m", "every: 5m"), text=narrow)})
    return folder


def test_git_revisions_are_compared_with_each_other_and_with_the_files(repository: Path) -> None:
    wheres = {
        ("HEAD~1", "HEAD"): ["fields.belt.maximum"],
        ("former", "main"): ["fields.belt.maximum"],
        ("main",): ["load.every"],
        ("HEAD~1",): ["fields.belt.maximum", "load.every"],
        ("main", "former"): ["fields.belt.maximum"],
    }
    for arguments, expected in wheres.items():
        [event] = json.loads(run(*arguments, "--json", folder=repository).output)
        assert [change["where"] for change in event["changes"]] == expected


def test_what_can_not_be_read_is_named(repository: Path, tmp_path: Path) -> None:
    assert fatal("HEAD~7", folder=repository) == "«HEAD~7» is neither a folder nor a git revision"
    elsewhere = tmp_path / "other"
    assert fatal("HEAD", folder=elsewhere) == "HEAD has no folder other"
    write(repository, {"depot/parcel_scanned.yaml": "["})
    assert "parcel_scanned.yaml: line 2: not YAML" in fatal("HEAD", folder=repository)
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-am", "broken"]
    subprocess.run(git, cwd=repository, check=True, capture_output=True)
    problem = fatal("former", "HEAD", folder=repository)
    assert problem.startswith("HEAD:topics/depot/parcel_scanned.yaml: line 2: not YAML")
