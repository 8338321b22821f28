"""What senders do to events: from a wrong value to bytes that are no JSON."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**63, 2**64, 10**38 - 1, 10**38, 1.0, 1e300, 0.1, "", " ", "\f",
    "\u00a0x\u00a0", "1", "1.5", "true", "NaN", "null", "\0", "a\0b", "ß", "\u2028", "\U0001f41f",
    "2026-03-01", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00", "2026-13-01", "0000-00-00",
    "6F1C1C5E-3A57-4D0A-9A5E-0D7A3C1F9B10", "a@example.com", "https://example.com/?q=1#x",
    "192.0.2.7", "2001:db8::1", "x" * 300, [], {}, [None], [[]], {"": None}, {"a.b": {"c": [1]}},
    [1, "1", None, {"sku": "x"}], -0.0, 1_772_366_400, 1_772_366_400_000,
]  # fmt: skip
TOKENS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"00", b"+1", b".5", b"1.", b"0x1",
    b"'x'", b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\n"', b'"\\x"', b"nul", b"undefined",
    b"1" * 5_000, b"[" * 300 + b"]" * 300, b'{"a":' * 300 + b"1" + b"}" * 300, b"[1,]", b"{,}",
]  # fmt: skip
SPACES = [b" ", b"\n", b"\t", b"\r\n", b"\f", b"\v", b"\xa0", b"\xe2\x80\xa8", b"\xef\xbb\xbf"]
PLACE = "\ue000here\ue000"

Event = dict[str, Any]


def mutated(event: Event) -> st.SearchStrategy[bytes]:
    """The event with one or two things wrong, as bytes."""
    in_values = st.lists(_value_changes(event), min_size=1, max_size=2).map(
        lambda changes: _dumped(_all(changes, event))
    )
    return st.one_of(in_values, in_values.flatmap(_bytes_changes), _bytes_changes(_dumped(event)))


def _value_changes(event: Event) -> st.SearchStrategy[Callable[[Event], Event]]:
    names = st.sampled_from(sorted(event))
    return st.one_of(
        st.builds(_without, names),
        st.builds(_with, names, st.sampled_from(VALUES)),
        st.builds(_with, names, st.sampled_from(TOKENS).map(lambda t: PLACE + t.hex() + PLACE)),
        st.builds(_with, st.sampled_from(["extra", "a.b", "", "day", "_offset"]), st.just(1)),
        st.builds(_nested, names, st.sampled_from(VALUES)),
    )


def _without(name: str) -> Callable[[Event], Event]:
    return lambda event: {key: value for key, value in event.items() if key != name}


def _with(name: str, value: Any) -> Callable[[Event], Event]:
    return lambda event: event | {name: value}


def _nested(name: str, value: Any) -> Callable[[Event], Event]:
    """Put the value into what stands there, if something can stand in it."""

    def change(event: Event) -> Event:
        held = event.get(name)
        if isinstance(held, list):
            return event | {name: [*held, value]}
        if isinstance(held, dict):
            return event | {name: held | {next(iter(held), "new"): value}}
        return event | {name: [value]}

    return change


def _all(changes: list[Callable[[Event], Event]], event: Event) -> Event:
    for change in changes:
        event = change(event)
    return event


def _dumped(event: Event) -> bytes:
    """As JSON, with tokens that are none written as they are."""
    text = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
    mark = f'"{PLACE}'.encode()
    end = f'{PLACE}"'.encode()
    while mark in text:
        before, _, rest = text.partition(mark)
        token, _, after = rest.partition(end)
        text = before + bytes.fromhex(token.decode()) + after
    return text


def _bytes_changes(text: bytes) -> st.SearchStrategy[bytes]:
    at = st.integers(0, len(text))
    return st.one_of(
        st.builds(lambda i: text[:i], at),
        st.builds(lambda i: text[:i] + text[i + 1 :], at),
        st.builds(lambda i, space: text[:i] + space + text[i:], at, st.sampled_from(SPACES)),
        st.builds(lambda i, byte: text[:i] + bytes([byte]) + text[i:], at, st.integers(0, 255)),
        st.sampled_from(SPACES).map(lambda space: space + text + space),
        st.just(text[:1] + text[1:-1] + b", " + text[1:]),  # each key twice
        st.just(text + text),
        st.just(b"[" + text + b"]"),
    )
