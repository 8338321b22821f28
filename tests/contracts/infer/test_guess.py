"""What a field is, by its values in the samples."""

from typing import Any

import pytest

from app.contracts.infer.observe import MAX_KEYS, REMEMBERED

from .samples import comments, inferred, observed, of

UUIDS = [f"6f1c1c5e-3a57-4d0a-9a5e-{number:012x}" for number in range(3)]
OPEN = "TODO"
TEXT = {"type": "string", "pii": OPEN}


@pytest.mark.parametrize(
    ("name", "values", "options"),
    [
        ("yes", [True, False], {"type": "boolean"}),
        ("count", [1, 2**63, -5], {"type": "integer"}),
        ("share", [1, 0.5], {"type": "number"}),
        ("id", UUIDS, {"type": "uuid"}),
        ("at", ["2026-03-01T10:00:00Z", "2026-03-01 10:00+02:00"], {"type": "timestamp"}),
        ("on", ["2026-03-01", "1999-12-31"], {"type": "date"}),
        ("on", ["2026-02-30"], {"type": "string", "max_length": 32, "pii": OPEN}),
        ("total", ["12.50", "3"], {"type": "decimal", "precision": 12, "scale": 2}),
        ("fee", [f"-{'9' * 9}.{'9' * 5}"], {"type": "decimal", "precision": 18, "scale": 5}),
        ("fee", [f"{'9' * 19}.{'9' * 19}"], {"type": "decimal", "precision": 38, "scale": 19}),
        ("price", [1.5], {"type": "number"}),
        ("at", ["2026-03-01 10:00:00"], {"type": "timestamp", "timezone": OPEN}),
        ("created_at", [1_772_000_000, 1_772_000_000.5], {"type": "timestamp", "epoch": "seconds"}),
        ("ts", [1_772_000_000_000], {"type": "timestamp", "epoch": "milliseconds"}),
        ("created_at", [1_772_000_000, 5], {"type": "integer"}),
        ("size", [1_772_000_000], {"type": "integer"}),
        ("reply_to", ["a@example.com"], TEXT | {"max_length": 32, "format": "email"}),
        ("home", ["https://a.example/"], TEXT | {"max_length": 64, "format": "url"}),
        ("host", ["192.0.2.1", "::1"], TEXT | {"max_length": 32, "format": "ip"}),
        ("country", ["DE"], {"type": "string", "format": "country", "pii": "keep"}),
        ("word", ["DE"], TEXT | {"max_length": 16}),
        ("locale", ["de-CH"], {"type": "string", "format": "language", "pii": "keep"}),
        ("version", ["1.10", "1.2"], {"type": "string", "max_length": 16, "pii": "keep"}),
        ("name", ["Ann", "Bob"], {"type": "string", "max_length": 16, "pii": OPEN}),
        ("name", ["x" * 3_000], {"type": "string", "pii": OPEN}),
        ("name", ["", ""], {"type": "string", "max_length": 16, "pii": OPEN}),
        ("maybe", [1, None], {"type": "integer", "optional": True}),
        ("mixed", [1, "1"], {"type": "json", "pii": OPEN}),
        ("mixed", [{"a": 1}, "1", None], {"type": "json", "pii": OPEN, "optional": True}),
        ("none", [[], []], {"type": "json", "pii": OPEN}),
        ("holes", [[1, None]], {"type": "json", "pii": OPEN}),
        ("nested", [[[1]]], {"type": "json", "pii": OPEN}),
        ("ids", [[1, 2], []], {"type": "list", "items": {"type": "integer"}}),
    ],
)
def test_the_type_is_what_all_values_have(
    name: str, values: list[Any], options: dict[str, Any]
) -> None:
    assert of(name, values) == options


def test_a_list_of_flat_objects_has_fields_and_keeps_what_else_comes() -> None:
    lines = [{"sku": "A1", "count": 1, "note": None}, {"sku": "A2", "count": 2, "note": "gift"}]
    assert of("lines", [lines, lines[:1], []]) == {
        "type": "list",
        "items": {
            "type": "object",
            "unknown": "keep",
            "fields": {
                "sku": {"type": "string", "max_length": 16, "pii": OPEN, "about": OPEN},
                "count": {"type": "integer", "about": OPEN},
                "note": {
                    "type": "string",
                    "max_length": 16,
                    "pii": OPEN,
                    "optional": True,
                    "about": OPEN,
                },
            },
        },
    }


@pytest.mark.parametrize("item", [{"a": {"b": 1}}, {f"k{n}": n for n in range(13)}, {}])
def test_a_list_of_objects_that_hold_more_is_kept_whole(item: dict[str, Any]) -> None:
    assert of("lines", [[item]])["type"] == "json"


def test_a_few_values_of_many_samples_are_all_there_are() -> None:
    values = ["open", "closed"] * 25
    assert of("result", values) == {"type": "string", "one_of": ["closed", "open"], "pii": "keep"}
    too_many = [str(number % 13) for number in range(500)]
    for too_little in (values[:-2], [*values, "new"], too_many, ["open"] * 100):
        assert "one_of" not in of("result", too_little)
    assert of("owner_name", ["Ann", "Bob"] * 50)["pii"] == OPEN


@pytest.mark.parametrize(
    ("name", "codes", "form"),
    [
        ("refund_currency", ["EUR", "USD"], "currency"),
        ("currency_code", ["EUR", "USD"], "currency"),
        ("country", ["DE", "NL", "US"], "country"),
    ],
)
def test_a_few_codes_of_a_known_list_are_not_all_there_are(
    name: str, codes: list[str], form: str
) -> None:
    assert of(name, codes * 30) == {"type": "string", "format": form, "pii": "keep"}
    assert of("word", codes * 30)["one_of"] == codes
    assert of(name, [*codes, "ours"] * 30)["one_of"] == [*codes, "ours"]


def test_what_may_be_no_more_than_a_chance_is_asked() -> None:
    lines = [{"state": "open"}, {"state": "closed"}]
    text = comments([{"word": word, "list": lines} for word in ("a", "b") * 30])
    assert "# in 60 of 60, 2 different; one_of has those that came: are these all?\n  word" in text
    assert "state: one_of has those that came: are these all?\n  list" in text


def test_money_as_a_number_is_warned_of_and_of_decimals_the_digits_are_told() -> None:
    text = comments([{"price": 1.5, "fee": "1.25", "tax_rate": 0.19}])
    assert "money is better sent as a string and declared decimal\n  price" in text
    assert "up to 3 digits\n  fee" in text
    assert text.count("money is better") == 1


def test_what_was_never_but_null_is_no_field() -> None:
    assert list(inferred([{"a": 1, "b": None}])["fields"]) == ["a"]


def test_the_evidence_stands_above_the_field() -> None:
    samples = [{"id": number, "state": None if number < 2 else "on"} for number in range(5)]
    text = comments(samples)
    assert "  # in 5 of 5, all different\n  id: {type: integer, about: TODO}" in text
    assert "  # in 3 of 5, null in 2, always the same; up to 2 characters\n  state: {" in text
    assert "a list with null in it" in comments([{"holes": [None]}])
    assert "1 string, 1 integer" in comments([{"mixed": "1"}, {"mixed": 1}])


def test_no_value_of_a_sample_gets_into_the_file_but_those_of_one_of() -> None:
    samples = [{"id": n, "name": f"secret{n}", "note": {"who": "secret"}} for n in range(60)]
    assert "secret" not in comments(samples)


def test_what_is_remembered_does_not_grow_with_the_samples() -> None:
    observer = observed(
        {"id": number, "map": {f"k{number}": number}, "list": [number]}
        for number in range(3 * REMEMBERED)
    )
    keys = observer.top.keys
    assert keys is not None
    assert len(keys["id"].first) == REMEMBERED
    assert keys["id"].all_different
    assert keys["map"].keys is None
    assert MAX_KEYS < 3 * REMEMBERED


def test_that_an_early_value_came_again_is_noticed_however_late() -> None:
    keys = observed({"id": number % (2 * REMEMBERED)} for number in range(2 * REMEMBERED + 1))
    assert keys.top.keys is not None
    assert not keys.top.keys["id"].all_different
