"""The warehouse table of an event type, free of any dialect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is a contract type (`app.contracts.types.TYPES` knows the dialects')."""

    name: str
    type: str
    nullable: bool
    comment: str
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None


LINEAGE: Sequence[Column] = (
    Column("_topic", "string", False, "Kafka topic the row was read from."),
    Column("_partition", "integer", False, "Partition of that topic."),
    Column("_offset", "integer", False, "Offset in that partition."),
    Column("_received_at", "timestamp", False, "When the event was received, by the gateway."),
)
RUN = Column("_run", "string", False, "The declared run of its day that brought it.")
"""After these, where days are sent in runs."""


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is `SCHEMA.TABLE`; `columns` are all of them: `day`, the event's, the lineage.

    `key` are the columns of the composite key; `keep` says which copy of a key stands, the first
    or the last by (`_received_at`, `_partition`, `_offset`). `index` is the column, of the key too,
    that counts the rows of one event from 0; None where an event is one row. `runs`: a day is sent
    whole, in declared runs, and `columns` end with `RUN`.
    """

    event: str
    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    keep: Literal["first", "last"]
    cluster_by: tuple[str, ...] = ()
    index: str | None = None
    runs: bool = False

    @property
    def newly_required(self) -> tuple[Column, ...]:
        """The columns that must have a value, and that rows of a former contract may lack all the
        same: all but the day, the key and the lineage."""
        always = {"day", *self.key, RUN.name, *(column.name for column in LINEAGE)}
        return tuple(c for c in self.columns if not c.nullable and c.name not in always)

    @property
    def event_key(self) -> tuple[str, ...]:
        """The columns that name an event, whose rows stand or give way together."""
        return tuple(name for name in self.key if name != self.index)
