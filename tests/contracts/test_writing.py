"""Topic files that a tool writes: read back they say the same, and they look as if by hand."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.topic_yaml import open_decisions, read_yaml
from app.contracts.writing import TODO, WIDTH, Noted, bare, topic_text

from .everything import reals, texts, trees, wholes

SHIPPED = Path(__file__).parents[2] / "topics"

# fmt: off
awkward = st.sampled_from([
    "no", "Yes", "~", "null", "1e3", "0x1f", "2026-03-01", "15m", "a: b", "a #b", "- a", "{a}",
    "it's", 'say "x"', "^\\d+$", "tab\t", "two\nlines", "\u2028", "\x85", "\ufeff", " a ", "", "🦊",
    "TODO",
])
# fmt: on
values = trees | awkward | wholes | reals | texts
names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True) | awkward.filter(bool) | texts


def read(folder: Path, text: str) -> Any:
    file = folder / "written.yaml"
    file.write_text(text, "utf-8")
    return read_yaml(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


tables = st.dictionaries(names, values)


@settings(deadline=None)
@given(content=st.dictionaries(names, st.lists(values) | values | tables, min_size=1))
def test_what_is_written_is_what_is_read(folder: Path, content: dict[str, Any]) -> None:
    for content_here in (content, {"fields": content}, {"examples": [content, content]}):
        assert read(folder, topic_text(content_here)) == content_here


@settings(deadline=None)
@given(
    content=st.dictionaries(names, values, min_size=1), note=texts | st.from_regex("[a-z ]{99,200}")
)
def test_comments_change_nothing(folder: Path, content: dict[str, Any], note: str) -> None:
    noted: dict[str, Any] = {key: Noted(value, note) for key, value in content.items()}
    noted["fields"] = {"a": {"b": Noted(content, note), "c": [Noted(1, note), Noted([2], note)]}}
    assert read(folder, topic_text(noted, head=[note, ""])) == bare(noted)


@pytest.mark.parametrize("file", sorted(SHIPPED.rglob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_file_written_anew_says_the_same_in_hardly_more_lines(
    folder: Path, file: Path
) -> None:
    text = topic_text(read_yaml(file), schema=".schema.json")
    assert read(folder, text) == read_yaml(file)
    by_hand = len(file.read_text("utf-8").splitlines())
    assert len(text.splitlines()) <= by_hand * 5 // 4 + 5


def test_it_looks_as_if_written_by_hand() -> None:
    content = {
        "examples": [
            {
                "name": "many values: so many that a line can not hold them",
                "given": {f"field_{letter}": "two words" for letter in "abcdefg"},
                "rejected": {"reason": "schema"},
            }
        ],
        "fields": {
            "order_id": Noted(
                {
                    "type": "string",
                    "pattern": r"^A-\d+$",
                    "pii": Noted(TODO, "keep, hash or drop"),
                    "about": "What the receipt says, with the customer's number.",
                },
                "in 50 of 50, all different",
            ),
            "lines": {"type": "list", "items": {"type": "integer", "about": TODO}},
        },
        "event": "order_placed",
        "owners": {"team": "checkout-data", "chat": "#checkout-data"},
        "transform": [{"do": "trim", "field": "order_id"}, {"do": "upper", "field": "order_id"}],
        "kafka": {"key": Noted("order_id", "31 different in 50"), "size": "small"},
        "load": {"every": "15m"},
    }
    assert (
        topic_text(content, ["Inferred."], "../.schema.json")
        == r"""
# yaml-language-server: $schema=../.schema.json
# Inferred.
event: order_placed
owners: {team: checkout-data, chat: "#checkout-data"}

fields:
  # in 50 of 50, all different
  order_id:
    type: string
    pattern: '^A-\d+$'
    pii: TODO  # keep, hash or drop
    about: What the receipt says, with the customer's number.
  lines: {type: list, items: {type: integer, about: TODO}}

kafka:
  key: order_id  # 31 different in 50
  size: small

transform:
  - {do: trim, field: order_id}
  - {do: upper, field: order_id}
load: {every: 15m}

examples:
  - name: "many values: so many that a line can not hold them"
    given: {field_a: two words, field_b: two words, field_c: two words, field_d: two words,
            field_e: two words, field_f: two words, field_g: two words}
    rejected: {reason: schema}
""".lstrip()
    )


def test_a_comment_without_room_stands_above() -> None:
    text = topic_text({"summary": Noted("word " * 15 + "end.", "reason " * 15)})
    assert [line[0] for line in text.splitlines()] == ["#", "#", "s"]
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_the_word_todo_is_told_from_an_open_decision(folder: Path) -> None:
    text = topic_text({"state": "TODO", "states": ["TODO", "DONE"], "pii": TODO})
    assert list(open_decisions(read(folder, text))) == ["pii"]


def test_an_open_decision_is_not_the_word(folder: Path) -> None:
    content = {"team": TODO, "chat": "TODO", "by": [TODO, "TODO"]}
    assert list(open_decisions(read(folder, topic_text(content)))) == ["team", "by.0"]
