"""Packed offsets, and what a disposal may name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.disposal import MAX_LETTERS, Disposal, Fate, packed, unpacked
from tests.ledger.examples import NOON, TP


def disposal(*offsets: int, **more: tuple[int, ...]) -> Disposal:
    return Disposal("01D", "order_placed", Fate.DROPPED, "a test", NOON, {TP: offsets, **more})


@given(st.sets(st.integers(0, 10**12) | st.integers(0, 60)))
def test_packed_offsets_are_read_back_as_they_were(offsets: set[int]) -> None:
    ascending = tuple(sorted(offsets))
    if ascending:
        assert unpacked(packed(ascending)) == ascending


def test_offsets_in_a_row_take_one_word() -> None:
    assert packed([1200, 1201, 1202, 1210]) == "1200+2 7"
    assert packed(range(5_000)) == "0+4999"


@pytest.mark.parametrize("text", ["", " ", "1+0", "-1", "1  2", "1+", "x", "1,2", "١"])
def test_what_is_no_packed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed"):
        unpacked(text)


def test_a_disposal_names_some_letters_and_not_too_many_in_order() -> None:
    assert disposal(1, 2, 9).problems() == []
    assert disposal(*range(MAX_LETTERS)).problems() == []
    for wrong in (
        disposal(),
        disposal(2, 1),
        disposal(1, 1),
        disposal(-1),
        disposal(1, other=()),
        disposal(*range(MAX_LETTERS), other=(1,)),
    ):
        assert wrong.problems(), wrong
