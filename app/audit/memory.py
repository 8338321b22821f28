"""The file in which an audit remembers what it read. Without it nothing is missed, only reread."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.audit.scratch import Scratch
from app.ledger.options import LedgerOptions

OF_LOGS = ("log_ends", "log_losses")


def memory_of(ledger: LedgerOptions) -> str:
    """Name a file for each ledger: what is remembered of one is not true of another."""
    place = ledger.url.rpartition("@")[2]  # without a password, which may change
    return f"audit-{sha256(f'{place} {ledger.database}'.encode()).hexdigest()[:8]}.db"


def open_scratch(memory: Path | None, notes: list[str]) -> Scratch:
    """The audit's memory, or an empty one that is forgotten, and a note that says why."""
    if memory is None:
        return Scratch()
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        return Scratch(memory)
    except (sqlite3.Error, OSError) as error:
        notes.append(
            f"the audit's memory {memory} can not be used ({error}): everything was read. Another "
            "audit may be running; else remove the file."
        )
        return Scratch()


def keep(scratch: Scratch, notes: list[str]) -> None:
    try:
        scratch.keep()
    except sqlite3.Error as error:
        notes.append(f"what was read could not be kept for the next audit ({error}).")


def forget_all(memory: Path) -> None:
    """Let the next audit begin without any, but for where logs were seen to end, and what was lost
    of old ones: of a topic that is gone, nobody else can say it."""
    kept = {table: _all_of(table, memory) for table in OF_LOGS}
    for end in ("", "-journal"):
        memory.with_name(memory.name + end).unlink(missing_ok=True)
    if any(kept.values()):
        with closing(Scratch(memory)) as scratch:
            for table, rows in kept.items():
                for row in rows:
                    scratch.add(table, *row)
            scratch.keep()


def remembered_logs(memory: Path) -> set[str]:
    """The partitions whose logs an audit has seen; none while another audit runs."""
    return {row[0] for table in OF_LOGS for row in _all_of(table, memory)}


def _all_of(table: str, memory: Path) -> list[tuple[Any, ...]]:
    if not memory.exists():
        return []
    try:
        with closing(Scratch(memory)) as scratch:
            return list(scratch.rows(f"SELECT * FROM {table}"))
    except sqlite3.Error:
        return []  # damaged, or not ours: there is nothing to be kept
