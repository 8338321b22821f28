"""The language of fixes: what each step does to an event as sent, and to all else nothing."""

import json
from typing import Any, get_args

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import Fatal
from app.letters.fix.mend import read_fix
from app.letters.fix.reference import README, reference
from app.letters.fix.steps import FixStep

GIVEN: dict[str, Any] = {
    "text": "  Ab,c  ",
    "count": "12",
    "wrong": "twelve",
    "paid": "True",
    "at": "2026-03-01 12:00",
    "since": 1_700_000_000_123,
    "country": "Germany",
    "level": 1,
    "none": None,
    "lines": [{"cents": "5"}, {"cents": 7}, {"cents": "x"}, 9],
    "inner": {"a": 1},
}
CASES = [
    ("{do: trim, field: text}", {"text": "Ab,c"}),
    ("{do: lower, field: text}", {"text": "  ab,c  "}),
    ("{do: upper, field: text}", {"text": "  AB,C  "}),
    ("{do: truncate, field: text, length: 3}", {"text": "  A"}),
    ('{do: replace, field: text, text: ",", by: "."}', {"text": "  Ab.c  "}),
    ("{do: map, field: country, values: {Germany: DE}}", {"country": "DE"}),
    ("{do: map, field: country, values: {France: FR}}", {}),
    ("{do: map, field: country, values: {France: FR}, default: XX}", {"country": "XX"}),
    ("{do: map, field: level, values: {'1': low, '2': high}}", {"level": "low"}),
    ("{do: map, field: level, values: {one: 1}, default: 9}", {}),
    ("{do: map, field: none, values: {a: b}, default: c}", {}),
    ("{do: cast, field: count, as: integer}", {"count": 12}),
    ("{do: cast, field: count, as: number}", {"count": 12}),
    ("{do: cast, field: wrong, as: integer}", {}),
    ("{do: cast, field: wrong, as: number}", {}),
    ("{do: cast, field: wrong, as: boolean}", {}),
    ("{do: cast, field: level, as: string}", {"level": "1"}),
    ("{do: cast, field: level, as: boolean}", {"level": True}),
    ("{do: cast, field: paid, as: boolean}", {"paid": True}),
    ("{do: cast, field: inner, as: string}", {}),
    (
        "{do: cast, field: lines.*.cents, as: integer}",
        {"lines": [{"cents": 5}, {"cents": 7}, {"cents": "x"}, 9]},
    ),
    (
        "{do: drop, field: lines.0.cents}",
        {"lines": [{}, {"cents": 7}, {"cents": "x"}, 9]},
    ),
    ("{do: drop, field: lines.0}", {}),
    (
        "{do: parse_timestamp, field: at, format: '%Y-%m-%d %H:%M', timezone: Europe/Berlin}",
        {"at": "2026-03-01T11:00:00Z"},
    ),
    ("{do: parse_timestamp, field: wrong, format: iso}", {}),
    (
        "{do: from_epoch, field: since, unit: milliseconds}",
        {"since": "2023-11-14T22:13:20.123000Z"},
    ),
    ("{do: from_epoch, field: count, unit: seconds}", {}),
    ("{do: set, field: level, value: {a: [1]}}", {"level": {"a": [1]}}),
    ("{do: set, field: new.inner, value: null}", {"new": {"inner": None}}),
    ("{do: set, field: none.a, value: 1}", {"none": {"a": 1}}),
    ("{do: set, field: level.a, value: 1}", {}),
    ("{do: set, field: lines.3, value: 1}", {"lines": [*GIVEN["lines"][:3], 1]}),
    ("{do: set, field: lines.4, value: 1}", {}),
    ("{do: default, field: none, value: 5}", {"none": 5}),
    ("{do: default, field: absent, value: 5}", {"absent": 5}),
    ("{do: default, field: level, value: 5}", {}),
    ("{do: rename, field: inner.a, to: b}", {"inner": {}, "b": 1}),
    ("{do: rename, field: level, to: none}", {"none": 1, "level": ...}),
    ("{do: rename, field: level, to: text}", {}),
    ("{do: rename, field: absent, to: b}", {}),
    ("{do: drop, field: inner}", {"inner": ...}),
    ("{do: drop, field: absent.a}", {}),
    ("{do: trim, field: count.a}", {}),
    ("{do: trim, field: level}", {}),
]


@pytest.mark.parametrize(("step", "changes"), CASES)
def test_a_step_changes_what_it_says_and_nothing_else(step: str, changes: dict[str, Any]) -> None:
    fix = read_fix(step)
    raw = orjson.dumps(GIVEN)
    mended = fix.mend(raw)
    wanted = {key: value for key, value in (GIVEN | changes).items() if value is not ...}
    assert orjson.loads(mended) == wanted
    assert [type(value) for value in orjson.loads(mended).values()] == [
        type(value) for value in wanted.values()
    ] or "rename" in step
    assert fix.changed == [int(bool(changes))]
    if not changes:
        assert mended == raw  # to the byte


def test_each_step_has_a_case() -> None:
    names = {one.model_fields["do"].annotation for one in get_args(get_args(FixStep)[0])}
    assert {get_args(name)[0] for name in names} == {
        step.removeprefix("{do: ").partition(",")[0] for step, _ in CASES
    }


def test_steps_go_one_after_the_other_and_each_counts_the_events_it_changed() -> None:
    fix = read_fix("[{do: trim, field: a}, {do: cast, field: a, as: integer}]")
    assert fix.mend(b'{"a": " 5 "}') == b'{"a":5}'
    assert fix.mend(b'{"a":"5"}') == b'{"a":5}'
    assert fix.mend(b'{"a":  5}') == b'{"a":  5}'
    assert fix.changed == [1, 2]


def test_numbers_keep_every_digit() -> None:
    fix = read_fix("{do: drop, field: b}")
    number = b"0.12345678901234567890123"
    assert fix.mend(b'{"a":%b,"b":1,"c":123456789012345678901234567890}' % number) == (
        b'{"a":%b,"c":123456789012345678901234567890}' % number
    )
    cast = read_fix("{do: cast, field: a, as: number}")
    assert cast.mend(b'{"a":"%b"}' % number) == b'{"a":%b}' % number


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"a"', b'{"a": NaN}', b"\xff", b"1"])
def test_what_is_no_json_object_is_left_as_it_is(raw: bytes) -> None:
    assert read_fix("{do: set, field: a, value: 1}").mend(raw) == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc*0"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), st.sampled_from(CASES))
def test_an_event_is_mended_alike_each_time_and_none_is_too_odd(event: Any, case: Any) -> None:
    step = case[0]
    for name in ("text", "lines", "inner", "level", "none", "since", "count"):
        step = step.replace(f"field: {name}", "field: a").replace("to: none", "to: b.a")

    raw = json.dumps(event).encode()
    once, again = read_fix(step), read_fix(step)
    assert once.mend(raw) == again.mend(raw)
    assert once.name == again.name


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("{do: trim}", "--fix: steps.0.field: is missing"),
        ("[{do: trm, field: a}]", "did you mean «trim»?"),
        ("{do: map, field: a, values: {a: 1, b: x}}", "holds integer and string"),
        ("{do: parse_timestamp, field: a, format: '%H'}", "does not name a day"),
        ("{do: parse_timestamp, field: a, format: iso, timezone: Berlin}", "no time zone"),
        ("[]", "at least 1"),
        ("{do: rename, field: a, to: a.b}", "not into itself"),
        ("{do: rename, field: a.*, to: b}", "leave out the *"),
        ("{do: set, field: a..b, value: 1}", "no dotted path"),
        ("- a: [", "--fix: line 2"),
        ("nofile.yaml", "nofile.yaml: file: can not be read"),
        ("{do: trim, field: a, fild: b}", "unknown key; did you mean «field»?"),
    ],
)
def test_what_is_wrong_with_a_fix_is_told(given_: str, said: str) -> None:
    with pytest.raises(Fatal) as told:
        read_fix(given_)
    assert said in str(told.value)


def test_a_fix_is_read_from_a_file(tmp_path: Any) -> None:
    file = tmp_path / "fix.yaml"
    file.write_text("- do: trim\n  field: a\n")
    assert read_fix(str(file)).mend(b'{"a":" x"}') == b'{"a":"x"}'
    assert read_fix(str(file)).name == read_fix("{do: trim, field: a}").name
    assert read_fix("{do: trim, field: b}").name != read_fix("{do: trim, field: a}").name


def test_the_page_of_the_language_is_made_of_its_models() -> None:
    assert README.read_text("utf-8") == reference(), "run: python -m app.letters.fix.reference"
