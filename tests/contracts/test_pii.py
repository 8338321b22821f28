"""Personal data lands as its contract says: as it is, as a keyed hash, or not at all."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Fatal
from app.core.pii import PiiHash

from .everything import sent
from .test_keys import EVENT
from .topic_files import with_fields

KEY, OTHER_KEY = b"a key of the tests", b"another key of the tests"
FIELDS = """\
phone: {type: string, pii: hash, max_length: 16, optional: true, about: "Number of the sender."}
badge: {type: integer, pii: hash, optional: true, about: "Badge of who scanned it."}
email: {type: string, pii: drop, optional: true, about: "Address of the sender."}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    trim = ("{do: trim, field: parcel_id}", "{do: trim, field: phone}")
    return with_fields(tmp_path, FIELDS, trim)


def landed(contract: Contract, key: bytes = KEY, **fields: Any) -> dict[str, Any]:
    kind = compile_contract(contract, key)
    event = {name: EVENT[name] for name in ("scan_id", "scanned_at", "parcel_id")} | fields
    return kind.transform(kind.parse(sent(event)))


def test_a_hash_is_the_same_for_equal_values_and_another_for_others(contract: Contract) -> None:
    one, same, other = (landed(contract, phone=p)["phone"] for p in ("123", " 123 ", "124"))
    assert one == same != other
    assert re.fullmatch("[0-9a-f]{8}:[0-9a-f]{64}", one)


def test_another_key_gives_other_hashes_and_shows_in_front(contract: Contract) -> None:
    one, other = (landed(contract, key, phone="123")["phone"] for key in (KEY, OTHER_KEY))
    assert one[:8] != other[:8]
    assert one[9:] != other[9:]


def test_a_hashed_number_lands_as_text_and_null_as_null(contract: Contract) -> None:
    row = landed(contract, badge=7)
    assert len(row["badge"]) == 73
    assert row["phone"] is None


def test_what_is_dropped_is_in_no_row_and_no_table(contract: Contract) -> None:
    assert "email" not in landed(contract, email="x@example.com")
    assert "email" not in [column.name for column in contract.table.columns]


def test_the_table_holds_hashes_not_what_they_hide(contract: Contract) -> None:
    columns = {column.name: column for column in contract.table.columns}
    for name in ("phone", "badge"):
        assert (columns[name].type, columns[name].max_length) == ("string", 73)


@pytest.mark.parametrize("key", [None, b"", b"short"])
def test_without_a_proper_key_nothing_starts(contract: Contract, key: bytes | None) -> None:
    with pytest.raises(Fatal) as caught:
        compile_contract(contract, key)
    assert str(caught.value) == (
        "parcel_scanned: phone, badge must be hashed; set PII_KEY to a secret of 16 bytes or "
        "more, the same in every process"
    )


NESTED = """\
people:
  type: list
  about: Who took part in it.
  items:
    type: object
    fields:
      name: {type: string, pii: hash, about: "What they are called."}
      badge: {type: integer, pii: hash, optional: true, about: "The number they wear."}
      mail: {type: string, pii: drop, optional: true, about: "Where to write to them."}
      role: {type: string, pii: keep, about: "What they did there."}
words: {type: list, items: {type: string, pii: hash}, about: "What they said there."}
"""
ADA = {"name": "Ada", "badge": 7, "mail": "ada@example.com", "role": "driver"}


def test_inside_a_list_a_hash_stands_in_place_of_the_value(tmp_path: Path) -> None:
    contract = with_fields(tmp_path, NESTED)
    event = {"people": [ADA, {"name": "Ada", "role": "guest"}], "words": ["Ada", "hello"]}
    row = landed(contract, **event)
    hidden = PiiHash(KEY)
    assert row["people"] == [
        {"name": hidden("Ada"), "badge": hidden("7"), "role": "driver"},
        {"name": hidden("Ada"), "badge": None, "role": "guest"},
    ]
    assert row["words"] == [hidden("Ada"), hidden("hello")]


def test_what_is_hidden_inside_a_list_is_in_no_line(tmp_path: Path) -> None:
    kind = compile_contract(with_fields(tmp_path, NESTED), KEY)
    event = {name: EVENT[name] for name in ("scan_id", "scanned_at", "parcel_id")}
    row = kind.transform(kind.parse(sent(event | {"people": [ADA], "words": ["Ada"]})))
    line = kind.line(row, date(2026, 3, 1))
    assert b"Ada" not in line
    assert b"example.com" not in line


def test_what_is_hashed_inside_a_list_needs_a_key_too(tmp_path: Path) -> None:
    with pytest.raises(Fatal) as caught:
        compile_contract(with_fields(tmp_path, NESTED))
    assert str(caught.value).startswith(
        "parcel_scanned: people.name, people.badge, words must be hashed; set PII_KEY"
    )
