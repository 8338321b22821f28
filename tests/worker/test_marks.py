"""The dedupe table on a disk that fails: never silently less than it was."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.errors import Transient
from app.worker.dedupe import Marks
from app.worker.entries import KEY_BYTES, MARK, OFFSET

FIRST, SECOND = bytes(KEY_BYTES), b"2" * KEY_BYTES  # the first is in the first block


def marks_in(folder: Path) -> Marks:
    return Marks(folder, "seen-1", "changelog", timedelta(days=1))


def packed(key: bytes, offset: int) -> bytes:
    return MARK.pack(key, OFFSET.pack(offset))


def damage(folder: Path) -> None:
    """Overwrite what is read last: the data, which comes before the index in these files."""
    for part in folder.glob("*/*.sst"):
        content = bytearray(part.read_bytes())
        content[: len(content) // 2] = os.urandom(len(content) // 2)
        part.write_bytes(content)


def test_marks_outlive_restarts_and_what_rocksdb_tidies_up_between_them(tmp_path: Path) -> None:
    keys = [n.to_bytes(KEY_BYTES, "big") for n in range(1, 31)]
    for number, key in enumerate(keys):
        marks = marks_in(tmp_path)
        marks.apply(0, [(number, packed(key, number))])
        marks.close()
    marks = marks_in(tmp_path)
    marks.position(0)
    marks._databases[0].compact_range(None, None)
    assert marks.lookup(0, keys) == [OFFSET.pack(number) for number in range(30)]
    assert marks.position(0) == 29
    marks.close()


def test_marks_are_forgotten_after_their_time_before_a_restart_and_after_it(tmp_path: Path) -> None:
    for _ in range(2):
        marks = Marks(tmp_path, "seen-1", "changelog", timedelta(seconds=1))
        marks.write(0, {FIRST: OFFSET.pack(1)})
        deadline = time.monotonic() + 30
        while marks.lookup(0, [FIRST]) != [None]:
            assert time.monotonic() < deadline
            marks._databases[0].compact_range(None, None)
        marks.close()


def test_damage_that_is_found_while_reading_ends_the_worker_and_not_only_this_read(
    tmp_path: Path,
) -> None:
    marks = marks_in(tmp_path)
    many = b"".join(packed(n.to_bytes(KEY_BYTES, "big"), n) for n in range(1, 10_000))
    marks.apply(0, [(8, many), (9, packed(FIRST, 3))])
    marks._databases[0].flush()
    marks.close()
    damage(tmp_path)
    with pytest.raises(Transient, match="damaged"):
        marks.lookup(0, [FIRST])
    # An empty table that takes what comes next would claim to know what came before.
    with pytest.raises(Transient, match="starting again builds it"):
        marks.apply(0, [(10, packed(SECOND, 4))])
    again = marks_in(tmp_path)
    assert again.position(0) is None
    again.apply(0, [(9, packed(FIRST, 3)), (10, packed(SECOND, 4))])
    assert again.lookup(0, [FIRST, SECOND]) == [OFFSET.pack(3), OFFSET.pack(4)]
    again.close()


def test_a_table_that_can_not_be_opened_is_not_taken_for_one_in_use(tmp_path: Path) -> None:
    blocks = tmp_path / "block-storage"  # a disk may well be named so
    blocks.mkdir()
    (blocks / "seen-1-0.db").write_text("not a folder")
    with pytest.raises(Transient, match="is the disk full or failing"):
        marks_in(blocks).position(0)
