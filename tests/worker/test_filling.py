"""A table that takes a long changelog is filled in another way, and is the same table."""

import random
import subprocess
import sys
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from app.worker.dedupe import Marks
from app.worker.entries import KEY_BYTES, LAST_NOTE, MARK, OFFSET, PREFIX_BYTES, REACH, note_key

MESSAGES = 20
TOPICS = [bytes([number]) * PREFIX_BYTES for number in range(3)]
DYING = """
import os, signal, sys
from pathlib import Path
from tests.worker.test_filling import MESSAGES, large, marks_in
marks = marks_in(Path(sys.argv[1]))
marks.apply(0, ((number, large(number)) for number in range(MESSAGES)))
assert 0 in marks._filled
if sys.argv[2] == "used":
    marks.recovered(0, MESSAGES - 1)
    marks.write(0, {b"k" * 24: b"o" * 8})
    marks.acknowledged(0, MESSAGES)
os.kill(os.getpid(), signal.SIGKILL)
"""


def marks_in(folder: Path) -> Marks:
    return Marks(folder, "seen-1", "changelog", timedelta(days=1))


def small(chance: random.Random) -> bytes:
    """Marks, bounds and notes of one topic; few, so that messages say different things of one."""
    prefix = chance.choice(TOPICS)

    def offset() -> bytes:
        return OFFSET.pack(chance.randrange(1000))

    changes = [(prefix + chance.randbytes(1) * 16, offset()) for _ in range(9)]
    changes += [(prefix + REACH, offset()), (prefix + LAST_NOTE, offset())]
    if chance.random() < 0.5:
        changes += [(note_key(prefix, OFFSET.pack(chance.randrange(9))), offset()) for _ in "ab"]
    return b"".join(MARK.pack(*change) for change in changes)


@cache
def large(number: int) -> bytes:
    """16,000 marks, the same for each number: all the messages are more than one memtable."""
    chance = random.Random(number)
    return b"".join(MARK.pack(chance.randbytes(KEY_BYTES), OFFSET.pack(n)) for n in range(16_000))


def content(marks: Marks) -> dict[Any, Any]:
    marks.position(0)  # opens it
    return dict(marks._databases[0].items())


@pytest.mark.parametrize("seed", range(3))
def test_a_long_changelog_leaves_the_same_table_as_its_pieces(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    messages = [(number, small(chance)) for number in range(MESSAGES)]
    whole, pieces = marks_in(tmp_path / "whole"), marks_in(tmp_path / "pieces")
    whole.apply(0, messages)
    assert 0 in whole._filled
    for message in messages:
        pieces.apply(0, [message])
        pieces.close()
    assert content(whole) == content(pieces)
    assert whole.position(0) == MESSAGES - 1
    for marks in (whole, pieces):
        marks.close()


def killed(folder: Path, when: str) -> Marks:
    done = subprocess.run([sys.executable, "-c", DYING, str(folder), when], check=False)
    assert done.returncode == -9
    return marks_in(folder)


def holds(marks: Marks, number: int) -> bool:
    entries = list(islice(MARK.iter_unpack(large(number)), None, None, 100))
    return marks.lookup(0, [key for key, _ in entries]) == [offset for _, offset in entries]


def test_a_table_killed_while_it_is_filled_holds_what_its_position_says(tmp_path: Path) -> None:
    marks = killed(tmp_path, "filling")
    position = marks.position(0)
    assert position is not None
    assert 0 <= position < MESSAGES - 1
    assert all(holds(marks, number) for number in range(position + 1))
    marks.apply(0, ((number, large(number)) for number in range(position + 1, MESSAGES)))
    assert all(holds(marks, number) for number in range(MESSAGES))
    marks.close()


def test_a_table_killed_once_it_is_used_holds_all_that_it_was_filled_with(tmp_path: Path) -> None:
    marks = killed(tmp_path, "used")
    assert marks.position(0) == MESSAGES
    assert all(holds(marks, number) for number in range(MESSAGES))
    assert marks.lookup(0, [b"k" * 24]) == [b"o" * 8]
    marks.close()
