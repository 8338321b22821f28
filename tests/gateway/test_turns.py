"""In which order requests get in, and what can be told of one before it is read."""

import asyncio
from dataclasses import dataclass, field

import pytest

from app.gateway.budget import Budget, Overloaded
from app.gateway.head import head_of
from app.gateway.turns import MOST_BYTES, REQUEST_BYTES, TURN_BYTES, Turns

A_TURN = TURN_BYTES // REQUEST_BYTES
"""So many tiny requests get in at once."""


@dataclass
class Book:
    """Who got in, who waits, who was refused, in this order."""

    entered: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass
class Guest:
    name: str
    book: Book
    size: int = 0
    full: bool = False

    def wait(self) -> None:
        if self.full:
            raise Overloaded
        self.book.waiting.append(self.name)

    def enter(self) -> None:
        self.book.entered.append(self.name)

    def refuse(self) -> None:
        self.book.refused.append(self.name)


async def all_in(turns: Turns) -> None:
    for _ in range(1_000):  # turns of the loop
        await asyncio.sleep(0)
    assert not turns.waiting


async def test_below_capacity_nobody_waits() -> None:
    turns, book = Turns(1), Book()
    for _ in range(5):
        for _ in range(A_TURN):
            turns.arrive("a", Guest("a", book))
        await asyncio.sleep(0)
    assert book == Book(entered=["a"] * 5 * A_TURN)


async def test_whoever_comes_during_another_types_rush_is_one_of_the_next() -> None:
    turns, book = Turns(10), Book()
    for _ in range(100):
        turns.arrive("a", Guest("a", book))
    turns.arrive("b", Guest("b", book))
    assert book.entered == ["a"] * A_TURN
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(book.entered) == 3 * A_TURN
    assert "b" in book.entered
    await all_in(turns)
    assert sorted(book.entered) == ["a"] * 100 + ["b"]
    assert not book.refused


async def test_types_share_the_turns_by_bytes_and_not_by_requests() -> None:
    turns, book = Turns(10), Book()
    large = 7 * REQUEST_BYTES  # counted with what HTTP costs: eight times a tiny one
    for _ in range(40):
        turns.arrive("large", Guest("large", book, large))
    for _ in range(200):
        turns.arrive("tiny", Guest("tiny", book))
    await all_in(turns)
    shared = book.entered[2:92]
    assert 7 <= shared.count("tiny") / shared.count("large") <= 9


async def test_a_huge_request_counts_as_what_it_takes_in_one_turn() -> None:
    turns, book = Turns(10), Book()
    turns.arrive("a", Guest("first", book, 1000 * MOST_BYTES))
    for name in ("a", "b"):
        turns.arrive(name, Guest(name, book, 1000 * MOST_BYTES))
    await all_in(turns)
    assert book.entered == ["first", "a", "b"]


async def test_requests_of_one_type_keep_their_order() -> None:
    turns, book = Turns(10), Book()
    for number in range(50):
        turns.arrive("a", Guest(str(number), book))
        turns.arrive("b", Guest("b", book))
    await all_in(turns)
    assert [name for name in book.entered if name != "b"] == [str(n) for n in range(50)]


async def test_who_would_wait_too_long_is_refused_at_once_and_only_in_that_row() -> None:
    turns, book = Turns(0), Book()
    for _ in range(A_TURN):
        turns.arrive("a", Guest("in", book))
    turns.arrive("a", Guest("waits", book))
    turns.arrive("a", Guest("late", book))
    turns.arrive("b", Guest("other", book))
    assert book.refused == ["late"]
    assert book.waiting == ["waits", "other"]


async def test_who_has_waited_too_long_is_refused_instead_of_served_late() -> None:
    turns, book = Turns(0), Book()
    for _ in range(A_TURN):
        turns.arrive("a", Guest("in", book))
    turns.arrive("a", Guest("waits", book))
    await all_in(turns)
    assert book == Book(["in"] * A_TURN, ["waits"], ["waits"])


async def test_who_can_not_be_held_is_refused() -> None:
    turns, book = Turns(10), Book()
    for _ in range(A_TURN):
        turns.arrive("a", Guest("in", book))
    turns.arrive("a", Guest("no room", book, full=True))
    assert (book.refused, turns.waiting) == (["no room"], 0)


def test_a_type_leaves_as_much_free_as_it_holds() -> None:
    budget = Budget(100)
    budget.take(30, "a")
    budget.take(20, "a")
    with pytest.raises(Overloaded):
        budget.take(1, "a")
    budget.take(25, "b")
    with pytest.raises(Overloaded):
        budget.take(1, "b")
    with pytest.raises(Overloaded):
        budget.take_each({"c": 10, "a": 10})
    assert budget.held == 75
    for size, owner in ((30, "a"), (20, "a"), (25, "b")):
        budget.give(size, owner)
    assert budget.held == 0
    budget.take(1_000, "a")  # alone


HEAD = b"POST /v1/events/order_placed HTTP/1.1\r\nHost: x\r\n"


def test_the_size_of_a_request_is_that_of_head_and_body() -> None:
    data = HEAD + b"content-Length: 7\r\n\r\n{}"
    assert head_of(data) == ("order_placed", len(data) + 5, b"")


def test_the_type_is_the_last_part_of_the_path() -> None:
    assert head_of(b"POST /v1/validate/order_placed HTTP/1.1\r\n").type == "order_placed"
    assert head_of(b"POST /v1/events HTTP/1.1\r\n").type == "events"


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"Content-Length: 7",
        b"Content-Length: 7\r\n",
        b"X: 1\r\n\r\n",
        b"Content-Length: 7\r\nContent-Length: 7\r\n\r\n",
        b"Content-Length: 7\nContent-Length: 9\r\n\r\n",
        b"Content-Length: 7\r\nX-Content-Length: 9\r\n\r\n",
        b"Content-Length: -7\r\n\r\n",
        b"Content-Length: 7, 7\r\n\r\n",
        b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Content-Length: 7\r\ntransfer-encoding : chunked\r\n\r\n",
        b"Content-Length: 7\r\nExpect: 100-continue\r\n\r\n",
        b"Content-Length: 7\r\nConnection: close\r\n\r\n",
        b"Content-Length: 7\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_where_readers_could_disagree_on_its_end_a_request_has_none(rest: bytes) -> None:
    assert head_of(HEAD + rest).size is None
    assert head_of(HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 7\r\n\r\n").size is None


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        (b"", b""),
        (b"Authorization: Bearer abc\r\n", b"abc"),
        (b"authorization:bearer\t abc \r\n", b"abc"),
        (b"X-API-KEY: abc\r\n", b"abc"),
        (b"x-api-key: one\r\nAuthorization: Bearer two\r\n", b"two"),
        (b"Authorization: Basic abc\r\n", b""),
        (b"X-Authorization: Bearer abc\r\n", b""),
        (b"Authorization: Bearer\r\n", b""),
    ],
)
def test_the_key_is_the_one_that_http_will_find(headers: bytes, key: bytes) -> None:
    assert head_of(HEAD + headers + b"Content-Length: 7\r\n\r\n{}").key == key
    assert head_of(HEAD + headers).key is None
