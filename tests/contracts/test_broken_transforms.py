"""Each broken step of a topic file says what to do about it."""

from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .test_broken_files import FIELDS as FOUR
from .topic_files import changed, write

MORE = """\
  note: {type: string, pii: keep, optional: true, about: "A word of the driver."}
  phone: {type: string, pii: hash, optional: true, about: "Number of the sender."}
  price: {type: decimal, precision: 9, scale: 2, optional: true, about: "What it costs to send."}
  fee: {type: decimal, precision: 9, scale: 4, optional: true, about: "What it costs to scan."}
  fragile: {type: boolean, optional: true, about: "Whether it can break."}
  import: {type: boolean, optional: true, about: "Whether it came over a border."}
  state: {type: string, one_of: [at dock, gone], pii: keep, optional: true, about: "Where it is."}
  codes: {type: list, items: {type: integer}, optional: true, about: "Codes on the label."}
  marks: {type: list, items: {type: date}, optional: true, about: "Days of other scans."}
  tree: {type: json, pii: keep, optional: true, about: "Anything else there is."}
"""
THERE = f"{FOUR}, note, phone, price, fee, fragile, import, state, codes, marks, tree"
LONG = "a_name_that_is_longer_than_any_name_of_a_column_that_i_have_seen_x"
STEPS = (
    "'trim', 'lower', 'upper', 'truncate', 'split', 'join', 'constant', 'rename', 'coalesce', "
    "'map', 'when', 'date_part', 'parse_timestamp', 'parse_number', 'minor_units', 'url_parts', "
    "'user_agent', 'truncate_ip', 'hash', 'drop_event', 'explode'"
)
ABOUT = "about: What it is made of"
CONDITION = (
    "must be a condition: {field: .., and one of is, in, missing, at_least, at_most, matches}, "
    "or one of {all: [..]}, {any: [..]}, {not: ..}"
)

# what is broken: (the step, message after the file's name and `transform.0.`)
BROKEN: dict[str, tuple[str, str]] = {
    "an unknown step": ("do: cut", f"do: must be one of {STEPS}"),
    "no step": ("field: note", "do: is missing; add it"),
    "truncating a number": (
        "do: truncate, field: weight_grams, length: 3",
        "field: «weight_grams» is integer; it must be string",
    ),
    "truncating to nothing": (
        "do: truncate, field: note, length: 0",
        "length: must be 1 or more",
    ),
    "splitting a number": (
        f"do: split, field: weight_grams, separator: x, to: new, {ABOUT}",
        "field: «weight_grams» is integer; it must be string",
    ),
    "splitting at nothing": (
        f'do: split, field: note, separator: "", to: new, {ABOUT}',
        "separator: must have at least 1 characters",
    ),
    "splitting onto a column": (
        f"do: split, field: note, separator: x, to: tree, {ABOUT}",
        "to: «tree» exists already; choose another name",
    ),
    "joining a column twice": (
        f"do: join, fields: [note, phone, note], to: new, {ABOUT}",
        "fields.2: «note» is there twice; remove one",
    ),
    "the first of one column twice": (
        f"do: coalesce, fields: [note, note], to: new, {ABOUT}",
        "fields.1: «note» is there twice; remove one",
    ),
    "joining one column": (
        f"do: join, fields: [note], to: both, {ABOUT}",
        "fields: must have at least 2 of them",
    ),
    "joining no column": (
        f"do: join, fields: [note, nota], to: both, {ABOUT}",
        f"fields.1: there is no «nota» at this step; there is {THERE}",
    ),
    "joining what has no one spelling": (
        f"do: join, fields: [note, price], to: both, {ABOUT}",
        "fields.1: «price» is decimal; it must be string or integer or uuid or date",
    ),
    "joining onto a column": (
        f"do: join, fields: [note, phone], to: tree, {ABOUT}",
        "to: «tree» exists already; choose another name",
    ),
    "joining with a NUL": (
        f'do: join, fields: [note, phone], separator: "\\0", to: both, {ABOUT}',
        "separator: must not hold a NUL character",
    ),
    "a constant with a NUL": (
        f'do: constant, to: new, value: "\\0", {ABOUT}',
        "value: must not hold a NUL character",
    ),
    "a constant of 39 digits": (
        f"do: constant, to: new, value: {10**38}, {ABOUT}",
        "value: has more than 38 digits",
    ),
    "a constant list": (
        f"do: constant, to: new, value: [1], {ABOUT}",
        "value: must be text, a number, true or false",
    ),
    "a name that is too long": (
        f"do: rename, field: note, to: {LONG}",
        "to: may have at most 64 characters",
    ),
    "the first of one column": (
        f"do: coalesce, fields: [note], to: first, {ABOUT}",
        "fields: must have at least 2 of them",
    ),
    "the first of two types": (
        f"do: coalesce, fields: [note, weight_grams], to: first, {ABOUT}",
        "fields.1: «weight_grams» is integer; it must be string",
    ),
    "the first of two kinds of decimals": (
        f"do: coalesce, fields: [price, fee], to: first, {ABOUT}",
        "fields.1: «fee» is another kind of decimal than «price»",
    ),
    "the first of two lists of other things": (
        f"do: coalesce, fields: [codes, marks], to: first, {ABOUT}",
        "fields.1: «marks» is another kind of list than «codes»",
    ),
    "a map without values": (
        "do: map, field: note, values: {}",
        "values: must have at least 1 of them",
    ),
    "a map that lacks a value": (
        "do: map, field: state, values: {gone: 1}",
        "values: lacks «at dock», which «state» may be; add it, or a default",
    ),
    "a map of a value that there is not": (
        "do: map, field: state, values: {at dock: 0, lost: 1}, default: 2",
        "values.lost: «state» is never this; it is one of at dock, gone",
    ),
    "a map of a text that is too long": (
        "do: map, field: parcel_id, values: {a label of 22 letters.: 0}, default: 2",
        "values.a label of 22 letters.: «parcel_id» has at most 20 characters, so never this value",
    ),
    "a map to several types": (
        "do: map, field: note, values: {a: b, c: 1}",
        "values: holds integer and string; a column has one type",
    ),
    "a map with a default of another type": (
        "do: map, field: note, values: {a: b}, default: 1",
        "values: holds integer and string; a column has one type",
    ),
    "a map of a decimal": (
        "do: map, field: price, values: {a: b}",
        "field: «price» is decimal; it must be string or integer or boolean",
    ),
    "a map of numbers by words": (
        "do: map, field: weight_grams, values: {one: 1}",
        "values.one: must be a whole number: «weight_grams» is integer",
    ),
    "a map of truths by words": (
        'do: map, field: fragile, values: {"yes": 1}',
        "values.yes: must be true or false: «fragile» is boolean",
    ),
    "a map of a hashed text to numbers that have no hash": (
        "do: map, field: phone, values: {a: 0.5}",
        "field: its pii is hash, and a number can not be hashed; start from a field to keep",
    ),
    "when nothing": (f"do: when, to: new, value: 1, {ABOUT}", "if: is missing; add it"),
    "when what is no condition": (
        f"do: when, if: {{field: note, equals: x}}, to: new, value: 1, {ABOUT}",
        f"if: {CONDITION}",
    ),
    "when two conditions in one": (
        f"do: when, if: {{field: note, is: x, missing: true}}, to: new, value: 1, {ABOUT}",
        f"if: {CONDITION}",
    ),
    "a condition with a key too many": (
        f"do: when, if: {{field: note, is: x, of: y}}, to: new, value: 1, {ABOUT}",
        "if.of: unknown key; remove it",
    ),
    "a condition on no column": (
        f"do: when, if: {{field: nota, is: x}}, to: new, value: 1, {ABOUT}",
        f"if.field: there is no «nota» at this step; there is {THERE}",
    ),
    "a condition deep inside": (
        f"do: when, if: {{all: [{{not: {{field: note, is: 1}}}}]}}, to: new, value: 1, {ABOUT}",
        "if.all.0.not.is: must be text: «note» is string",
    ),
    "a condition on a text that is too long": (
        'do: when, if: {field: parcel_id, is: "a label of 22 letters."}, to: new, value: 1, '
        f"{ABOUT}",
        "if.is: «parcel_id» has at most 20 characters, so never this value",
    ),
    "a condition on a value that there is not": (
        f"do: when, if: {{field: state, in: [gone, lost]}}, to: new, value: 1, {ABOUT}",
        "if.in.1: «state» is never this; it is one of at dock, gone",
    ),
    "a condition on a number in quotes": (
        f'do: when, if: {{field: weight_grams, at_least: "1"}}, to: new, value: 1, {ABOUT}',
        "if.at_least: must be a whole number: «weight_grams» is integer",
    ),
    "a condition on the order of texts": (
        f"do: when, if: {{field: note, at_most: x}}, to: new, value: 1, {ABOUT}",
        "if.field: «note» is string; it must be integer or number or decimal or timestamp or date",
    ),
    "a condition with no pattern": (
        f'do: when, if: {{field: note, matches: "("}}, to: new, value: 1, {ABOUT}',
        "if.matches: no regular expression that Rust's regex understands",
    ),
    "a condition on a moment without an offset": (
        f"do: when, if: {{field: scanned_at, at_least: 2026-01-01}}, to: new, value: 1, {ABOUT}",
        "if.at_least: must be a timestamp with a UTC offset, such as 2026-03-01T23:59:58Z: "
        "«scanned_at» is timestamp",
    ),
    "a condition on a tree": (
        f"do: when, if: {{field: tree, is: 1}}, to: new, value: 1, {ABOUT}",
        "if.field: «tree» is json; of that only «missing» can be asked",
    ),
    "a time of a number": (
        f"do: parse_timestamp, field: weight_grams, format: iso, to: new, {ABOUT}",
        "field: «weight_grams» is integer; it must be string",
    ),
    "a time in a format that names no day": (
        f'do: parse_timestamp, field: note, format: "%H:%M %z", to: new, {ABOUT}',
        "format: does not name a day; it needs %Y, %m and %d, or is iso",
    ),
    "a format that reads a year twice": (
        f'do: parse_timestamp, field: note, format: "%Y-%m-%d %Y %z", to: new, {ABOUT}',
        "format: %Y is there twice; remove one",
    ),
    "a time in a format that depends on the machine": (
        f'do: parse_timestamp, field: note, format: "%c", to: new, {ABOUT}',
        "format: %c is not understood; there is %% %A %B %H %I %M %S %Y %a %b %d %f %j %m %p %y %z",
    ),
    "a time without a zone": (
        f'do: parse_timestamp, field: note, format: "%Y-%m-%d", to: new, {ABOUT}',
        "timezone: is missing, as the format has no %z; add it",
    ),
    "a time with two zones": (
        f'do: parse_timestamp, field: note, format: "%Y-%j%z", timezone: UTC, to: new, {ABOUT}',
        "timezone: %z is in the format already; remove one",
    ),
    "a time in an unknown zone": (
        f"do: parse_timestamp, field: note, format: iso, timezone: Mars, to: new, {ABOUT}",
        "timezone: no time zone «Mars»; use a name such as Europe/Berlin or UTC",
    ),
    "a time of a hashed text": (
        f"do: parse_timestamp, field: phone, format: iso, to: new, {ABOUT}",
        "field: its pii is hash, and a timestamp can not be hashed; start from a field to keep",
    ),
    "a number of no kind": (
        f"do: parse_number, field: note, to: new, {ABOUT}",
        "as: is missing; add it",
    ),
    "a number of an unknown kind": (
        f"do: parse_number, field: note, as: float, to: new, {ABOUT}",
        "as: must be 'integer', 'number' or 'decimal'",
    ),
    "a decimal of no scale": (
        f"do: parse_number, field: note, as: decimal, to: new, {ABOUT}",
        "scale: is missing; add it",
    ),
    "a decimal of more places than digits": (
        f"do: parse_number, field: note, as: decimal, precision: 2, scale: 3, to: new, {ABOUT}",
        "scale: 3 is more than precision 2",
    ),
    "a scale of a whole number": (
        f"do: parse_number, field: note, as: integer, scale: 2, to: new, {ABOUT}",
        "scale: is for decimal, not for integer; remove it",
    ),
    "a precision of a number": (
        f"do: parse_number, field: note, as: number, precision: 2, to: new, {ABOUT}",
        "precision: is for decimal, not for number; remove it",
    ),
    "an amount of a text": (
        f"do: minor_units, field: note, currency: note, to: new, {ABOUT}",
        "field: «note» is string; it must be integer",
    ),
    "an amount in no currency": (
        f"do: minor_units, field: weight_grams, to: new, {ABOUT}",
        "currency: is missing; add it",
    ),
    "an amount in the currency of no column": (
        f"do: minor_units, field: weight_grams, currency: code, to: new, {ABOUT}",
        f"currency: there is no «code» at this step; there is {THERE}",
    ),
    "an amount in one currency that is no column": (
        f"do: minor_units, field: weight_grams, currency: EUR, to: new, {ABOUT}",
        "currency: «EUR» is no column; for every event in EUR write {code: EUR}",
    ),
    "an amount in an unknown currency": (
        f"do: minor_units, field: weight_grams, currency: {{code: EURO}}, to: new, {ABOUT}",
        "currency.code: no code of ISO 4217 such as EUR or JPY",
    ),
    "an amount in gold": (
        f"do: minor_units, field: weight_grams, currency: {{code: XAU}}, to: new, {ABOUT}",
        "currency.code: no code of ISO 4217 such as EUR or JPY",
    ),
    "no part of a URL": (
        "do: url_parts, field: note, parts: []",
        "parts: must have at least 1 of them",
    ),
    "an unknown part of a URL": (
        "do: url_parts, field: note, parts: [domain]",
        "parts.0: must be 'scheme', 'host', 'port', 'path', 'query' or 'fragment'",
    ),
    "a part that is there twice": (
        "do: url_parts, field: note, parts: [host, host]",
        "parts.1: «host» is there twice; remove one",
    ),
    "a part onto a column": (
        "do: url_parts, field: note, parts: [path, port], prefix: im",
        "parts.1: «import» exists already; choose another name",
    ),
    "a prefix in capitals": (
        "do: url_parts, field: note, parts: [host], prefix: Page",
        "prefix: must be lower-case words with underscores, such as order_placed",
    ),
    "a prefix that is too long": (
        f"do: url_parts, field: note, parts: [host], prefix: {LONG}",
        f"prefix: «{LONG}host» has more than 64 characters; choose a shorter one",
    ),
    "an unknown part of a user agent": (
        "do: user_agent, field: note, parts: [browser]",
        "parts.0: must be 'family', 'version', 'os' or 'device'",
    ),
    "a user agent that is a number": (
        "do: user_agent, field: weight_grams, parts: [os]",
        "field: «weight_grams» is integer; it must be string",
    ),
    "an address that is hardly cut": (
        "do: truncate_ip, field: note, ipv4_bits: 32",
        "ipv4_bits: must be 24 or less",
    ),
    "an address that is a number": (
        "do: truncate_ip, field: weight_grams",
        "field: «weight_grams» is integer; it must be string",
    ),
    "a hash of what has no one spelling": (
        "do: hash, field: price",
        "field: «price» is decimal; it must be string or uuid or integer",
    ),
    "a hash onto a column": (
        "do: hash, field: note, to: phone",
        "to: «phone» exists already; choose another name",
    ),
    "when two types": (
        f"do: when, if: {{field: note, is: x}}, to: new, value: 1, otherwise: no, {ABOUT}",
        "value: holds integer and string; a column has one type",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_step_says_what_to_do(what: str, tmp_path: Path) -> None:
    step, message = BROKEN[what]
    text = changed(
        ("kafka: {key", MORE + "kafka: {key"), ("{do: trim, field: parcel_id}", f"{{{step}}}")
    )
    folder = write(tmp_path, {"parcel_scanned.yaml": text})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value) == f"{folder / 'parcel_scanned.yaml'}: transform.0.{message}"


@pytest.mark.parametrize(
    ("first", "now"),
    [
        ("do: upper, field: state", "AT DOCK, GONE"),
        ("do: truncate, field: state, length: 2", "at, go"),
        ("do: map, field: state, values: {gone: away}, default: here", "away, here"),
        (
            "do: when, if: {field: state, is: gone}, to: new, value: away, otherwise: here, "
            f"{ABOUT}",
            "away, here",
        ),
    ],
)
def test_a_step_knows_which_values_the_steps_before_it_leave(
    first: str, now: str, tmp_path: Path
) -> None:
    name = "new" if "to: new" in first else "state"
    second = f"{{do: when, if: {{field: {name}, is: gone}}, to: newer, value: 1, {ABOUT}}}"
    text = changed(
        ("kafka: {key", MORE + "kafka: {key"),
        ("{do: trim, field: parcel_id}", f"{{{first}}}\n  - {second}"),
    )
    with pytest.raises(Fatal) as caught:
        load_contracts(write(tmp_path, {"parcel_scanned.yaml": text}))
    told = f"transform.1.if.is: «{name}» is never this; it is one of {now}"
    assert str(caught.value).endswith(told)


def test_a_step_sees_the_columns_of_the_steps_before_it(tmp_path: Path) -> None:
    text = changed(
        (
            "{do: trim, field: parcel_id}",
            "{do: rename, field: parcel_id, to: label}\n  - {do: trim, field: parcel_id}",
        )
    )
    folder = write(tmp_path, {"parcel_scanned.yaml": text})
    with pytest.raises(Fatal, match=r"transform\.1\.field: there is no «parcel_id» at this step"):
        load_contracts(folder)
