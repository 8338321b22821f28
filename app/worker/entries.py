"""What stands in a dedupe table, byte by byte: marks, and notes about them.

A mark is 24 bytes of key (which topic, which event) and the offset of the first sighting; the last
one that was written counts. Keys that no event has are notes: bounds, and what stands at an offset.

Two workers may note something of one partition, a frozen one and its heir, and whoever reads the
changelog finds that in any order. So notes are joined: bounds only grow, and an offset that is void
to one of them stays void. At worst a copy is staged once more, and the load keeps one row of a key;
a note that made a void mark count again would lose an event.
"""

import struct
from collections.abc import Callable, Iterable, Sequence

PREFIX_BYTES = 8
KEY_BYTES = PREFIX_BYTES + 16
MARK = struct.Struct(f">{KEY_BYTES}s8s")
OFFSET = struct.Struct(">q")
"""Offsets as bytes compare like offsets as numbers."""

REACH = bytes(KEY_BYTES - PREFIX_BYTES)
LAST_NOTE = REACH[:-1] + b"\x01"
_BOUND = REACH[: -OFFSET.size]
_NOTE = b"\xff" * len(_BOUND)
_KIND = slice(PREFIX_BYTES, PREFIX_BYTES + len(_BOUND))

Look = Callable[[Sequence[bytes]], Sequence[bytes | None]]


def note_key(prefix: bytes, packed_offset: bytes) -> bytes:
    """Where it is noted what stands at this offset."""
    return prefix + _NOTE + packed_offset


def key_print(key: bytes) -> bytes:
    """What stands for the key of a mark in a note; never a packed offset, which says void."""
    return b"\x80" + key[1 - OFFSET.size :]


def is_bound(key: bytes) -> bool:
    """Whether it is a note of how far something goes: there are two of each topic."""
    return key[_KIND] == _BOUND


def joined(changes: Iterable[tuple[bytes, bytes]], look: Look) -> dict[bytes, bytes]:
    """What these entries make of a table in which `look` finds what it has of some keys."""
    entries: dict[bytes, bytes] = {}
    notes: dict[bytes, bytes] = {}
    for key, value in changes:
        if key[_KIND] in (_NOTE, _BOUND):
            notes[key] = _join(key, notes.get(key), value)
        else:
            entries[key] = value
    if notes:
        for (key, value), there in zip(notes.items(), look(list(notes)), strict=True):
            entries[key] = _join(key, there, value)
    return entries


def _join(key: bytes, one: bytes | None, other: bytes) -> bytes:
    """In whatever order and however often notes come, the same is left of them."""
    if one is None or one == other:
        return other
    if key[_KIND] == _BOUND:
        return max(one, other)
    return key[-OFFSET.size :]  # void, for two say different things
