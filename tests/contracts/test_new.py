"""`forebay topics new`: a topic file from questions, or from options."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.contracts.load import load_contracts
from app.contracts.new import field_of
from app.core.errors import Fatal

LEFT_AT = "left_at timestamp: When the page was closed."
CART_ID = "cart_id uuid: The cart, by its number."
OPTIONS = [
    *("--event", "cart_left", "--app", "shop", "--summary", "A customer left a full cart."),
    *("--team", "checkout", "--chat", "#checkout", "--field", LEFT_AT, "--field", CART_ID),
]


def run(folder: Path, *arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(
        topics, ["new", *arguments], input=answers, env={"TOPICS_DIR": str(folder)}
    )


def checked(folder: Path) -> str:
    result = CliRunner().invoke(topics, ["check"], env={"TOPICS_DIR": str(folder)})
    return result.output if result.exception is None else str(result.exception)


def refused(folder: Path, *arguments: str) -> str:
    result = run(folder, *arguments)
    assert isinstance(result.exception, Fatal)
    assert not list(folder.rglob("cart_left.yaml"))
    return str(result.exception)


def test_options_make_a_file_that_passes_check(tmp_path: Path) -> None:
    result = run(tmp_path, *OPTIONS)
    assert result.exit_code == 0, result.output
    path = tmp_path / "shop" / "cart_left.yaml"
    assert result.stderr == f"Written: {path}. No decision is open.\n"
    assert checked(tmp_path) == "All is good. Topics: 1, examples: 2.\n"
    assert path.read_text("utf-8").startswith(
        "# yaml-language-server: $schema=../.schema.json\nevent: cart_left\nversion: 1\n"
    )


def test_questions_are_asked_until_the_answers_can_be_taken(tmp_path: Path) -> None:
    answers = [
        *("Cart left", "cart_left", "shop", "Short", "A customer left a full cart.", "checkout"),
        *("#checkout", LEFT_AT, CART_ID, "email string: The customer's.", "nonsense"),
        *("email string pii=hash optional: The customer's.", "", "", "basket", "cart_id", ""),
    ]
    result = run(tmp_path, answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "event «Cart left»: write lower-case words with underscores" in result.stderr
    assert "summary: write a sentence of at least 10 characters" in result.stderr
    assert "pii: is missing; a string needs keep, hash or drop" in result.stderr
    assert "write NAME TYPE [OPTION=VALUE]…: what it is about, such as order_id" in result.stderr
    assert "«basket» is no field; there is left_at, cart_id, email" in result.stderr
    assert "Field that says when it happened [left_at]" in result.stderr
    [contract] = load_contracts(tmp_path).values()
    assert contract.fields["email"].pii == "hash"
    assert (contract.day.source, contract.dedupe.by) == ("left_at", ("cart_id",))


def test_what_the_app_s_defaults_say_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "_app.yaml").write_text(
        'app: shop\nowners: {team: t, chat: "#t"}\nwarehouse: {schema: SHOP}\n', "utf-8"
    )
    without_owners = [*OPTIONS[:6], *OPTIONS[10:]]
    assert run(tmp_path, *without_owners).exit_code == 0
    [contract] = load_contracts(tmp_path).values()
    assert (contract.owners.team, contract.table.name) == ("t", "SHOP.CART_LEFT")
    assert "owners" not in (tmp_path / "shop" / "cart_left.yaml").read_text("utf-8")


def test_a_file_or_an_event_that_is_there_stays(tmp_path: Path) -> None:
    run(tmp_path, *OPTIONS)
    path = tmp_path / "shop" / "cart_left.yaml"
    before = path.read_text("utf-8")
    told = str(run(tmp_path, *OPTIONS).exception)
    assert told == f"cart_left is in {path} already; change it there, or take another name"
    other = tmp_path / "elsewhere" / "cart_left.yaml"
    other.parent.mkdir()
    other.write_text("mine", "utf-8")
    result = run(tmp_path / "none", *OPTIONS, "--out", str(other))
    assert (
        str(result.exception) == f"{other} is there already; move it away, or choose another --out"
    )
    assert (path.read_text("utf-8"), other.read_text("utf-8")) == (before, "mine")


def test_without_anybody_to_ask_it_says_so(tmp_path: Path) -> None:
    assert refused(tmp_path, *OPTIONS[:2]) == (
        "App that sends it: there is nobody to ask; see forebay topics new --help"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--event", "Cart"], "--event «Cart»: write lower-case words"),
        (["--summary", "short"], "--summary: write a sentence of at least 10 characters"),
        (
            ["--field", "x"],
            "--field «x»: write NAME TYPE [OPTION=VALUE]…: what it is about, such as",
        ),
        (["--day", "cart_id"], "day.from: «cart_id» is uuid; it must be timestamp"),
        (["--by", "basket"], "«basket» is no field; there is left_at, cart_id"),
    ],
)
def test_an_option_that_can_not_be_taken_is_told(
    tmp_path: Path, options: list[str], message: str
) -> None:
    assert message in refused(tmp_path, *OPTIONS, *options)


def test_a_file_needs_a_time_and_a_key(tmp_path: Path) -> None:
    assert refused(tmp_path, *OPTIONS[:10], "--field", CART_ID).startswith(
        "no field says when it happened; add one that is a timestamp and not optional"
    )
    assert refused(tmp_path, *OPTIONS[:10], "--field", LEFT_AT).startswith(
        "no field tells two events apart; add one that is not optional, such as «event_id uuid"
    )


def test_in_json_the_text_is_told(tmp_path: Path) -> None:
    report = json.loads(run(tmp_path, *OPTIONS, "--json").stdout)
    assert report["file"] == str(tmp_path / "shop" / "cart_left.yaml")
    assert report["todo"] == []


@pytest.mark.parametrize(
    ("line", "spec"),
    [
        ("n integer minimum=0 optional: How many there are.",
         {"type": "integer", "minimum": 0, "optional": True}),
        ("s string one_of=a,b pii=keep: Which one.",
         {"type": "string", "one_of": ["a", "b"], "pii": "keep"}),
        ("d decimal scale=2 maximum=1.5: How much it is.",
         {"type": "decimal", "scale": 2, "maximum": 1.5}),
        ("at timestamp timezone=Europe/Berlin: When it was.",
         {"type": "timestamp", "timezone": "Europe/Berlin"}),
        ("id uuid path=a.b: Who it was.", {"type": "uuid", "path": "a.b"}),
    ],
)  # fmt: skip
def test_a_line_says_what_a_field_is(line: str, spec: dict[str, Any]) -> None:
    name, found = field_of(line)
    assert line.startswith(name + " ")
    assert found == spec | {"about": line.partition(": ")[2]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("n integer: short", "about: must have at least 10 characters"),
        ("N integer: What it is.", "«N»: write lower-case words"),
        ("n intger: What it is.", "type: must be one of"),
        ("n integer minimm=3: What it is.", "minimm: unknown key; did you mean «minimum»?"),
        ("n integer minimum=3 maximum=1: What it is.", "minimum: 3 is more than maximum 1"),
        ("n list: What it is.", "list: take json for now, and write what is in it into the file"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        field_of(line)
