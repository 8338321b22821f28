"""All that touches Faust's inside. Checked on faust-streaming 0.15.3 with aiokafka 0.14.0.

Three things are taken away from Faust, because it can lose events doing them (each was measured):
where to read on from (the ledger says it), what is committed (the ledger's cursors, as advice),
and the delivery of events one by one (whole fetch lists are taken, and counted, so that one that
Faust drops is noticed). `SOURCES` in tests/worker/test_faust_private.py holds the hashes of the
code this relies on; it fails when a version changes it.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.stores import STORES
from faust.stores.base import Store
from faust.tables import TableManager
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from loguru import logger
from mode.threads import WorkerThread

from app.core.kill_points import passing
from app.worker.dedupe import Marks
from app.worker.gaps import Standing
from app.worker.record_form import CHANGELOG_SUFFIX, hand_out_as_read
from app.worker.records import Record

BROKER_SCHEME = "ledger"
STORE_SCHEME = "marks"


@dataclass(slots=True)
class FetchList:
    """The records of one partition from one fetch, in the shape of one record for Faust.

    `epoch` tells the seek of the partition, `turn` the lists since then. Both are set
    in the consumer's thread, in the same step as aiokafka hands the records out, so a list that
    is lost on the way to the agent leaves a hole in the turns.
    """

    topic: str
    partition: int
    epoch: int
    turn: int
    records: Sequence[Record]
    offset: int
    timestamp: int
    timestamp_type: int = 0
    key: None = None
    headers: tuple[()] = ()
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0

    @property
    def value(self) -> "FetchList":
        return self


class ListSchema(faust.Schema[Any, Any]):
    """Hands a fetch list on as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


class LedgerConsumerThread(driver.AIOKafkaConsumerThread):
    """The aiokafka consumer's own thread. Overridden, with the reason:

    * `_create_worker_consumer`: Faust reads uncommitted records unless it owns the transactions;
      an aborted transaction of a direct producer must not land. And its long polls of 1.5 s make
      each question on the same connection wait as long. And see `record_form`.
    * `seek_to`, in place of `seek_wait`: a seek begins an epoch of its partitions that is known
      beforehand.
    * `_fetch_records`: packs each partition's records into one counted `FetchList`. An error can
      drop lists that aiokafka had taken out already: they leave a hole in the turns, too.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._epochs: dict[TP, int] = {}
        self._turns: dict[TP, int] = {}

    async def ask_for_assignment(self) -> None:
        """Revoke all, and join the group anew, with what Kafka knows of its topics now."""
        consumer = self._ensure_consumer()
        await consumer._client.force_metadata_update()
        consumer._coordinator.request_rejoin()

    async def standing(self) -> dict[TP, Standing]:
        """Where the consumer stands in each partition, in one step with the turns."""
        consumer = self._ensure_consumer()
        subscription: Any = consumer._subscription.subscription
        assigned: Any = subscription.assignment if subscription else None
        fetched = consumer._fetcher._records
        found = {}
        for tp in assigned.tps if assigned else ():
            state = assigned.state_value(tp)
            if state.has_valid_position and tp not in fetched:
                epoch, turn = self._epochs.get(tp, 0), self._turns.get(tp, 0)
                found[TP(*tp)] = Standing(epoch, turn, state.position)
        return found

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = 500
        hand_out_as_read(consumer)
        return consumer

    async def seek_to(self, partitions: Mapping[TP, int], epoch: int) -> None:
        """Seek, and count the lists from there on anew, in one step."""
        for tp in partitions:
            self._epochs[tp], self._turns[tp] = epoch, 0
        await self._seek_wait(self._ensure_consumer(), partitions)  # seeks before it first waits

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        try:
            fetched = await super()._fetch_records(*args, **kwargs)
        except Exception:
            self._turns = {tp: turn + 1 for tp, turn in self._turns.items()}
            raise
        return {tp: self._counted(tp, records) for tp, records in fetched.items() if records}

    def _counted(self, tp: TP, records: Sequence[Record]) -> Sequence[Any]:
        if tp.topic.endswith(CHANGELOG_SUFFIX):
            return records
        turn = self._turns[tp] = self._turns.get(tp, 0) + 1
        first = records[0]
        return [
            FetchList(
                tp.topic,
                tp.partition,
                self._epochs.get(tp, 0),
                turn,
                records,
                first.offset,
                first.timestamp,
            )
        ]


class ReadOffsets(dict[TP, int | None]):
    """Up to where Faust believes it has read, kept for changelogs only.

    Of another topic it would drop the list that a seek back was made for, if a list from before
    the seek was handed on after it: the lanes know better, by epoch and turn.
    """

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        if tp.topic.endswith(CHANGELOG_SUFFIX):
            super().__setitem__(tp, offset)


class LedgerConsumer(driver.Consumer):
    """Overridden, with the reason:

    * `perform_seek`: awaited as the last step of every assignment, after the tables have
      recovered and before records flow. Seeks made earlier are overwritten. It is also called
      while the flow is stopped for a rebalance; there is nothing to seek then.
    * `force_commit`: Faust would commit what its own bookkeeping believes (off by one, and lost
      on revocation), and die when the broker is away. Group offsets are for lag tools only.
    * `on_buffer_drop`: a paused partition would be read again once its queue is empty.
    """

    app: "LedgerApp"
    _thread: LedgerConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = ReadOffsets()
        self._epoch = 0

    def _new_consumer_thread(self) -> LedgerConsumerThread:
        return LedgerConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        if not self.flow_active:
            return
        async with self.app.seeking:
            assigned = self.assignment()
            sources = {tp for tp in assigned if not tp.topic.endswith(CHANGELOG_SUFFIX)}
            offsets = await self.app.find_cursors(assigned)
            self.pause_partitions(sources - offsets.keys())
            self._epoch += 1
            # Before the seek, for the partitions flow by now: a list that is read once it was made
            # may be here before it returns, and none must find nobody who takes it.
            self.app.begin_reading(offsets.keys(), self._epoch)
            if offsets:
                thread = self._thread
                await thread.call_thread(thread.seek_to, offsets, self._epoch)

    def on_buffer_drop(self, tp: TP) -> None:
        super().on_buffer_drop(tp)
        if tp in self._paused_partitions:
            self._get_active_partitions().discard(tp)

    async def ask_for_assignment(self) -> None:
        try:
            await self._thread.call_thread(self._thread.ask_for_assignment)
        except (KafkaError, RuntimeError) as error:  # its thread's event loop may have ended
            logger.debug("no new assignment asked for: {}", error)

    async def standing(self) -> Mapping[TP, Standing]:
        """Where it stands in the partitions of which nothing fetched waits to be handed out."""
        if self.crashed:  # then the thread may have ended, and would never answer
            return {}
        try:
            found: Mapping[TP, Standing] = await self._thread.call_thread(self._thread.standing)
        except (KafkaError, RuntimeError) as error:  # its thread's event loop may have ended
            logger.debug("nobody knows where the consumer stands: {}", error)
            return {}
        return found

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        assigned = self.assignment()
        offsets = {
            TopicPartition(*tp): OffsetAndMetadata(offset, "")
            for tp, offset in self.app.sealed_offsets().items()
            if tp in assigned
        }
        if not offsets or self.crashed:  # then the thread may have ended, and would never answer
            return False
        try:
            thread = self._thread
            await thread.call_thread(thread._ensure_consumer().commit, offsets)
        except (KafkaError, RuntimeError) as error:  # its thread's event loop may have ended
            logger.debug("group offsets not published: {}", error)
            return False
        return True


class LedgerTransport(driver.Transport):
    """Reached by broker URLs `ledger://host:port`."""

    Consumer: ClassVar[Any] = LedgerConsumer


class KnownTables(TableManager):
    """Faust waits a second at its start for tables that its agents may yet name; ours are known."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class MarkStore(Store[Any, Any]):
    """A Faust table's storage; `marks` does the work."""

    app: "LedgerApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.marks: Marks = (self.options or {})["marks"]

    def persisted_offset(self, tp: TP) -> int | None:
        return self.marks.position(tp.partition)

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        for event in batch:  # of several partitions
            message = event.message
            try:
                self.marks.apply(message.partition, [(message.offset, message.value or b"")])
            except Exception as error:
                if self.app.should_stop:  # it flushes its buffers once more; the changelog has all
                    return
                self.app.fail(error)  # Faust would only log it, and try the same for ever
                raise
            passing("mid_recovery")

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        changelog = self.marks.changelog_topic
        self.marks.close([tp.partition for tp in revoked if tp.topic == changelog])

    async def on_stop(self) -> None:
        self.marks.close()

    def reset_state(self) -> None:
        self.marks.wipe()

    async def backup_partition(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the changelog is the backup")

    def restore_backup(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the changelog is the backup")


class LedgerApp(faust.App):
    """A Faust app that reads on from where `find_cursors` says.

    * `find_cursors(assigned partitions)` → offset by partition; those left out are not read
    * `begin_reading(partitions, epoch)` is told right before the seek to the cursors: what is read
      after it is of this epoch; with nothing to read, too
    * `sealed_offsets()` → what to publish as group offsets
    * `fail(error)` is told what keeps a table from being recovered
    """

    find_cursors: Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
    begin_reading: Callable[[Collection[TP], int], None]
    sealed_offsets: Callable[[], Mapping[TP, int]]
    fail: Callable[[BaseException], None]

    def __init__(self, id: str, **options: Any) -> None:
        drivers.TRANSPORTS.aliases[BROKER_SCHEME] = f"{__name__}:LedgerTransport"
        STORES.aliases[STORE_SCHEME] = f"{__name__}:MarkStore"
        self.seeking = asyncio.Lock()
        super().__init__(id, store=f"{STORE_SCHEME}://", TableManager=KnownTables, **options)

    def mark_table(self, name: str, partitions: int, marks: Marks) -> None:
        """Register a table; Faust recovers `marks` from the changelog on each assignment."""
        table = self.Table(
            name,
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            recovery_buffer_size=4,  # messages, each with thousands of marks
            options={"marks": marks},
        )
        assert table.changelog_topic.get_topic_name() == marks.changelog_topic

    def on_rebalance_end(self) -> None:
        """With fewer partitions than workers one has none: Faust has nothing to seek there."""
        super().on_rebalance_end()
        if not self.consumer.assignment():
            self.begin_reading((), 0)

    async def threads_ended(self) -> None:
        """Wait for the consumer's thread; after a crash, Faust's `stop` does not.

        It is no daemon: while it lives, the process does not end.
        """
        for thread in threading.enumerate():
            if isinstance(thread, WorkerThread) and getattr(thread.service, "app", None) is self:
                await asyncio.to_thread(thread.join)
