"""What an object store and a warehouse promise; each implementation passes one behaviour suite."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from app.contracts.table import Table
from app.core.errors import Fatal, ForebayError
from app.core.seal import StoredObject

CLOSE_SECONDS = 1.0
FOUND_ROWS = 1_000


class ObjectLost(Fatal):
    """An object that the ledger names is missing or is not what was stored. The text names it."""


class Miscounted(ForebayError):
    """A day would have had another number of rows than its declared run must have."""

    def __init__(self, table: str, day: date, run: str, rows: int, expected: int) -> None:
        super().__init__(f"{table}, {day}: run {run} has {rows} rows, not {expected}")
        self.run, self.rows = run, rows


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """A stored object as a listing shows it; `modified` is aware UTC."""

    key: str
    bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is not finished; `id` is the store's, `begun` aware UTC."""

    key: str
    id: str
    begun: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """What `finish` made durable: size and sha256 are of the object as stored (compressed)."""

    bytes: int
    sha256: str
    etag: str


class ObjectWriter(Protocol):
    """One NDJSON object under construction. It exists for readers only once finished."""

    @property
    def held_bytes(self) -> int:
        """Memory held by buffers, compressor and parts in flight."""

    def append(self, lines: bytes | bytearray) -> None:
        """Take complete NDJSON lines, each with its newline. Never does I/O."""

    async def relieve(self) -> None:
        """Upload each full part; returns once `held_bytes` is bounded again. Raises `Transient`."""

    async def finish(self) -> Written:
        """Make the object durable. Raises `Transient`; it may then be called again."""

    async def abort(self) -> None:
        """Leave nothing behind, as far as the store can be reached. Never raises."""


class ObjectStore(Protocol):
    """Every method raises `Transient` when the store can not be reached."""

    def writer(self, key: str) -> ObjectWriter:
        """Begin an object; nothing is stored yet."""

    async def stat(self, key: str) -> ObjectStat | None:
        """Look an object up; None when there is none."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """Stream an object as stored. Raises `ObjectLost` when there is none."""

    def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """List by ascending key."""

    async def delete(self, keys: Collection[str]) -> None:
        """Remove; those that do not exist are no error."""

    def uploads(self) -> AsyncIterator[Upload]:
        """List the uploads that are not finished."""

    async def abort_upload(self, upload: Upload) -> None:
        """Forget an upload and its parts; one that is gone already is no error.

        One that is still being written to is lost by this.
        """

    async def now(self) -> datetime:
        """What time it is by the store's own clock, which dates its objects and uploads."""

    async def ping(self) -> None:
        """Answer, or raise `Transient`; `Fatal` when the bucket does not exist or is forbidden."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DayManifest:
    """What one day of a table must consist of: these objects, and nothing else.

    `replaces` is the run that LOAD_CONTROL named for the day before this manifest was made, ""
    for none; with None the load does not care. It keeps out a manifest that another run has made
    stale, whichever of the two has the higher fence.

    Where a day is sent in declared runs, the objects are those of the run `shown`; `hidden` rows of
    the seals are of others. `expected` rows must stand in the end, if it is not None.
    """

    day: date
    seals: tuple[str, ...]
    objects: tuple[StoredObject, ...]
    replaces: str | None = None
    shown: str = ""
    hidden: int = 0
    expected: int | None = None

    @property
    def rows(self) -> int:
        return sum(stored.rows for stored in self.objects)


@dataclass(frozen=True, slots=True)
class LoadedDay:
    """A row of the warehouse's own LOAD_CONTROL: written in the transaction that loaded the day.

    `shown` and `hidden` are as in `DayManifest`; `hidden` is part of `staged`.
    """

    day: date
    run: str
    fence: int
    seals: tuple[str, ...]
    staged: int
    rows: int
    loaded_at: datetime
    shown: str = ""
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the rows of one day and partition leave of themselves, whatever their order.

    `rows` of them, at offsets from `first` to `last`; `offsets` and `squares` are the sums of their
    offsets and of the squares of these, so that one row less, more, or in place of another can be
    named by its offset. Where a table counts the rows of an event, the squares of these indexes are
    added to `squares`, so that rows of one offset are told apart. `keys` sums up a hash of each
    composite key: the warehouse's own, never compared with another's.
    """

    rows: int
    first: int
    last: int
    offsets: int
    squares: int
    keys: int


Place = tuple[int, int]
"""A row's offset in its partition, and its index among the rows of its event, from 0."""
NO_PLACE: Place = (-1, -1)


@dataclass(frozen=True, slots=True)
class DayPrints:
    """The fingerprints of one day by partition (`events.order_placed.v1/3`), all of one moment.

    `standing` is of the rows that stand now. `loaded` is what load `run` left, written in its own
    transaction; None, and `run` empty, when LOAD_CONTROL names a load that left none (of an older
    version, or of no rows) or no load at all.
    """

    day: date
    run: str
    standing: Mapping[str, Fingerprint]
    loaded: Mapping[str, Fingerprint] | None


class Warehouse(Protocol):
    """Every method raises `Transient` when the warehouse can not be reached or is busy."""

    async def prepare(self, table: Table) -> Sequence[str]:
        """Create what is missing: schema, table, new columns, control tables; never destroy.

        Returns the statements that changed something. Raises `Fatal` when an existing column has
        a type that the contract's values do not fit.
        """

    async def loaded(self, table: Table, days: Collection[date]) -> Mapping[date, LoadedDay]:
        """Read LOAD_CONTROL for these days; days never loaded are left out."""

    async def replace(
        self, table: Table, days: Sequence[DayManifest], *, run: str, fence: int
    ) -> Mapping[date, LoadedDay]:
        """Make the table hold exactly these objects' rows for these days, one per composite key.

        A reader sees the days as they were before or as they are after, never between. If the
        answer to COMMIT is lost, LOAD_CONTROL tells what happened.

        Raises:
            Fenced: a higher fence has loaded this table, or another run a day since its manifest
                was made; nothing changed.
            Miscounted: a day had not the expected rows; nothing changed.
            ObjectLost: an object is missing or differs from the manifest; nothing changed.
            Transient: nothing changed, or it is unknown and `loaded` will tell.
        """

    async def litter(self, *, remove: bool) -> Mapping[str, int]:
        """Find, and remove if told to, the files that dead loads left on this machine: bytes by
        path. What a load in progress uses is never among them."""

    async def count(self, table: Table) -> Mapping[date, int]:
        """Count the rows that stand in the table, by day."""

    async def fingerprints(self, table: Table, days: Collection[date]) -> Mapping[date, DayPrints]:
        """Compute inside the warehouse what stands, and read what the loads left, in one look.

        Days without either are left out.
        """

    async def places(
        self, table: Table, day: date, tp: str, beyond: Place = NO_PLACE
    ) -> Sequence[tuple[Place, int]]:
        """The next places of a day's rows of one partition, ascending, and how often each stands.

        A page of them; empty when none is beyond `beyond`.
        """

    async def fetch(self, table: Table, day: date | None = None) -> Sequence[Mapping[str, object]]:
        """Read rows as Python values by column name, ordered by the composite key: for checks."""

    async def find(self, table: Table, key: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
        """Read the rows whose columns have these values, `FOUND_ROWS` at most, as `fetch` does.

        `key` are texts by column, each as a line writes the value.
        """

    async def ping(self) -> None: ...

    async def close(self) -> None:
        """Let go, within `CLOSE_SECONDS`: a statement that does not end by then is left behind, in
        a thread of its own."""
