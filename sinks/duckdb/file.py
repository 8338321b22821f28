"""The warehouse file: opened for the length of a call, so that others can read in between."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from app.core.errors import Transient
from sinks.duckdb.errors import is_locked, meaning, translated
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.sql import literal

LOOK_AGAIN_SECONDS = 0.05
ROW_GROUP_ROWS = 16_384
"""A checkpoint writes deleted days' row groups anew, outside the memory limit: with the usual
122,880 rows of 22 columns it took 40 MB. One that is being filled stays in memory or is spilled: in
32 MB, staging rows of 14 columns took a fifth more CPU time."""
GROUPED = f"(ROW_GROUP_SIZE {ROW_GROUP_ROWS})"

# Each open column holds a block, and each new row group waits for others: by default a table of
# 22 columns needs 80 MB for a few thousand rows.
FRUGAL = {
    "default_block_size": "65536",
    "write_buffer_row_group_count": "1",
    "enable_external_file_cache": "false",
    "allocator_flush_threshold": "1MB",
}


class WarehouseFile:
    """Opens the file as `warehouse`. All of it blocks: call it from a thread."""

    def __init__(self, options: DuckDBOptions) -> None:
        self.path = options.path.absolute()
        number, unit = int(options.memory_limit[:-2]), options.memory_limit[-2:]
        self.memory_megabytes = number * (1000 if unit == "GB" else 1)
        self._options = options

    def connect(self, spill: Path, own: Path | None = None) -> duckdb.DuckDBPyConnection:
        """Start DuckDB, which spills into `spill`. Names without a database are of the file `own`,
        a new one, or of memory."""
        with translated("start"):
            connection = duckdb.connect(
                ":memory:",
                config={
                    "memory_limit": self._options.memory_limit,
                    "threads": self._options.threads,
                    "temp_directory": str(spill),
                    "preserve_insertion_order": False,
                    **FRUGAL,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            connection.execute("SET TimeZone = 'UTC'")
            if own is not None:
                connection.execute(f"ATTACH {literal(str(own))} AS own {GROUPED}")
                connection.execute("USE own")
            return connection

    @contextmanager
    def attached(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        write: bool = False,
        go_on: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Attach the file as `warehouse`, waiting for whoever has it open.

        `go_on` is called between the tries and may raise, to give up early.

        Raises:
            Transient: still locked after `lock_timeout_seconds`; the text says by whom.
        """
        if write:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        how = GROUPED if write else "(READ_ONLY)"
        statement = f"ATTACH {literal(str(self.path))} AS warehouse {how}"
        deadline = time.monotonic() + self._options.lock_timeout_seconds
        while True:
            go_on()
            try:
                connection.execute(statement)
                break
            except duckdb.Error as error:
                if not is_locked(error):
                    raise meaning(error, f"open {self.path}") from error
                if time.monotonic() > deadline:
                    raise _held(self.path, self._options.lock_timeout_seconds, error) from error
            time.sleep(LOOK_AGAIN_SECONDS)
        try:
            yield
        except BaseException:
            for end in ("ROLLBACK", "DETACH warehouse"):  # what went wrong is told, and not these
                with suppress(duckdb.Error):
                    connection.execute(end)
            raise
        with translated(f"close {self.path}"):
            connection.execute("DETACH warehouse")

    @contextmanager
    def opened(
        self, *, write: bool = False, go_on: Callable[[], None] = lambda: None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the file to a connection of its own."""
        spill = self.path.with_name(f"{self.path.name}.tmp")
        connection = self.connect(spill)
        try:
            with self.attached(connection, write=write, go_on=go_on):
                yield connection
        finally:
            connection.close()


def _held(path: Path, waited: float, error: duckdb.Error) -> Transient:
    said = str(error)
    _, _, holder = said.partition("Conflicting lock is held in ")
    holder = holder.partition(". See also")[0] or "another part of this process"
    return Transient(f"DuckDB: {path} is held open by {holder}; waited {waited:g} s for it")
