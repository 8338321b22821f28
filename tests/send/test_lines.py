"""Files as events: NDJSON and CSV, packed or not, by the line."""

import gzip
from pathlib import Path

import orjson
import pytest

from app.contracts.fields import Way
from app.core.errors import Fatal
from app.send import lines as reading
from app.send.lines import Line, opened


def read(path: Path, **options: object) -> list[Line]:
    with opened(path, **options) as source:  # type: ignore[arg-type]
        found = list(source.events)
        assert source.read_bytes == source.size_bytes
    return found


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    body = text.encode()
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return path


def values(lines: list[Line]) -> list[dict[str, object]]:
    return [orjson.loads(line.body) for line in lines]


@pytest.mark.parametrize("name", ["events.ndjson", "events.jsonl.gz", "events"])
def test_ndjson_lines_keep_their_numbers(tmp_path: Path, name: str) -> None:
    found = read(written(tmp_path, name, '\ufeff{"a":1}\r\n\n  {"a":2}\n{broken\n{"a":3}'))
    assert [(line.number, line.body) for line in found] == [
        (1, b'{"a":1}'), (2, b""), (3, b'{"a":2}'), (4, b"{broken"), (5, b'{"a":3}'),
    ]  # fmt: skip


def test_an_endless_line_is_named_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 16)
    found = read(written(tmp_path, "x.ndjson", "1" * 99 + '\n{"a":2}\n' + "2" * 16 + "\n3\n"))
    assert [(line.number, line.body, bool(line.problem)) for line in found] == [
        (1, b"", True), (2, b'{"a":2}', False), (3, b"", True), (4, b"3", False),
    ]  # fmt: skip


TYPES = {
    "n": "integer", "x": "number", "ok": "boolean", "name": "string", "cents": "decimal",
    "at": "timestamp", "more": "json",
}  # fmt: skip

TYPED = [
    ("n", "517", 517), ("n", "-3", -3), ("n", "517.0", 517), ("n", "517.5", "517.5"),
    ("n", "many", "many"), ("n", "9" * 30, "9" * 30), ("n", "18446744073709551615", 2**64 - 1),
    ("x", "1", 1.0), ("x", "1e3", 1000.0), ("x", "nan", "nan"), ("x", "inf", "inf"),
    ("ok", "TRUE", True), ("ok", "f", False), ("ok", "0", False), ("ok", "maybe", "maybe"),
    ("name", "007", "007"), ("name", "true", "true"), ("cents", "12.50", "12.50"),
    ("at", "2013-01-01T10:00:00Z", "2013-01-01T10:00:00Z"),
    ("more", '{""a"": [1, 2]}', {"a": [1, 2]}), ("more", "words", "words"),
]  # fmt: skip

GUESSED = [
    ("12", 12), ("-1.5", -1.5), ("007", "007"), ("+1", "+1"), ("1e5", "1e5"), ("true", True),
    ("True", "True"), ("9007199254740993", "9007199254740993"), ("2013-01-01", "2013-01-01"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "word", "value"), TYPED)
def test_csv_words_are_what_the_contract_says(
    tmp_path: Path, name: str, word: str, value: object
) -> None:
    path = written(tmp_path, "x.csv", f'{name},z\n"{word}",z\n')
    assert values(read(path, types=TYPES)) == [{name: value, "z": "z"}]


@pytest.mark.parametrize(("word", "value"), GUESSED)
def test_csv_words_without_a_contract_are_numbers_only_if_nothing_is_lost(
    tmp_path: Path, word: str, value: object
) -> None:
    path = written(tmp_path, "x.csv", f"field,z\n{word},z\n")
    assert values(read(path)) == [{"field": value, "z": "z"}]


def test_csv_words_stand_where_their_fields_are_lifted_from(tmp_path: Path) -> None:
    ways: dict[str, Way] = {
        "login": ("user", "login"), "second": ("labels", 1, "name"), "mail": ("user", "e.mail"),
    }  # fmt: skip
    path = written(tmp_path, "x.csv", "login,second,mail,z\nada,bug,a@b.de,1\nbob,,,2\n")
    assert values(read(path, ways=ways)) == [
        {"user": {"login": "ada", "e.mail": "a@b.de"}, "labels": [None, {"name": "bug"}], "z": 1},
        {"user": {"login": "bob"}, "z": 2},
    ]


def test_empty_words_and_na_leave_the_field_out(tmp_path: Path) -> None:
    path = written(tmp_path, "x.csv.gz", "\ufeffa,b,c\n1,NA,\n,2,NaN\n")
    assert values(read(path)) == [{"a": 1}, {"b": 2, "c": "NaN"}]
    assert values(read(path, missing=frozenset({""}))) == [
        {"a": 1, "b": "NA"}, {"b": 2, "c": "NaN"},
    ]  # fmt: skip


def test_csv_rows_that_do_not_fit_are_named_by_line_and_the_others_read(tmp_path: Path) -> None:
    path = written(tmp_path, "x.csv", 'a,b\n1,2\n3\n\n"4\n5",6\n7,8,9\n"x"y,1\n10,11\n')
    found = read(path)
    assert [line.number for line in found] == [2, 3, 6, 7, 8, 9]
    assert [bool(line.problem) for line in found] == [False, True, False, True, True, False]
    assert orjson.loads(found[2].body) == {"a": "4\n5", "b": 6}


@pytest.mark.parametrize(
    ("text", "what"), [("", "first line"), ("a,a\n1,2\n", "a twice"), ("a,,b\n", "first line")]
)
def test_a_csv_header_that_names_nothing_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(Fatal, match=what):
        read(written(tmp_path, "x.csv", text))


def test_a_damaged_gzip_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = written(tmp_path, "x.ndjson.gz", '{"a":1}\n' * 10_000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Fatal, match=r"x\.ndjson\.gz can not be read"):
        read(path)
