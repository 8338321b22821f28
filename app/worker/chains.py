"""Which chain of the ledger goes on in Kafka's log, and what is lost between the two.

A chain whose topic was deleted and created again, or whose log went back, is ended by an incident
and never extended: a worker that still holds records of it is fenced. What Kafka has now is read
from its start, in a chain of its own.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from loguru import logger
from ulid import ULID

from app.core.errors import Fatal
from app.core.incarnation import gone_back, log_name, topic_id_of, topic_of
from app.core.judge import EventType
from app.core.seal import Range, partition_name
from app.ledger.protocol import ChainStart, Cursor, Incident, Ledger
from app.metrics import WORKER_INCIDENTS
from app.retry import until_reached
from app.worker.extent import Place

RETENTION = (
    "retention removed these offsets before they were read",
    "Have their senders send them again, and let Kafka keep this topic for longer than its "
    "workers may be away (kafka.retention_days)",
)
CREATED_AGAIN = (
    "the topic was deleted and created again; what was unread of the old one is gone",
    "The new one is read from its start. Have the senders send again what they sent shortly "
    "before; to delete a topic without a loss, stop its senders and wait until nothing lags",
)
WENT_BACK = (
    "Kafka lost the end of this log, so its offsets begin to mean other records",
    "All that Kafka still has is read again, and the load leaves the copies out. Have the senders "
    "send again what they sent about that time, and find out how the broker lost it",
)
Cause = tuple[str, str]
"""What happened, as the ledger keeps it; what to do, for the log."""


@dataclass(frozen=True, slots=True)
class Log:
    """What Kafka has of one partition: offsets `start` to `end - 1` of the topic `topic_id`."""

    start: int
    end: int
    topic_id: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one partition in one incarnation of its topic, which `log` names."""

    log: str
    partition: int
    cursor: Cursor

    @property
    def tp(self) -> str:
        return partition_name(self.log, self.partition)


Ask = Callable[[Collection[Place]], Awaitable[Mapping[Place, Log]]]
"""What Kafka has of these partitions; those of topics that do not exist are left out."""


class Chains:
    """Asks and extends the ledger for the types of `kinds` (by topic).

    Every method tries a ledger that can not be reached again, without end, and raises `Fenced` if
    another worker was here first.
    """

    def __init__(self, kinds: Mapping[str, EventType], ledger: Ledger, ask: Ask) -> None:
        self._kinds, self._ledger, self._ask = kinds, ledger, ask
        for kind in kinds.values():  # a first one shows as a rise only if there was a 0 before
            WORKER_INCIDENTS.labels(kind.name)

    async def continued(self, places: Collection[Place]) -> dict[Place, tuple[Chain, Log]]:
        """Find or begin the chain that goes on in each log; end those that do not.

        Partitions that Kafka does not have are left out.
        """
        logs = await self._logs(places)
        wanted = {place: (place[0], log.topic_id) for place, log in logs.items()}
        found: dict[Place, tuple[Chain, Log]] = {}
        while wanted:
            begun = await self._begun(wanted, logs)
            if doubtful := [p for p, chain in begun.items() if _follower(chain.cursor, logs[p])]:
                # A former owner may have sealed since Kafka was asked: then it was asked too early.
                logs |= await self._logs(doubtful)
            await self._end(begun, logs)
            wanted = {}
            for place, chain in begun.items():
                follower = _follower(chain.cursor, logs[place])
                if not follower:
                    found[place] = chain, logs[place]
                    continue
                wanted[place] = log_name(place[0], follower), follower
                if wanted[place][0] == chain.log:
                    raise Fatal(f"{chain.tp} has ended; raise the event's version to go on")
        return found

    async def cursors(self, found: Mapping[Place, tuple[Chain, Log]]) -> dict[Place, int]:
        """Where to read on in each chain; what retention removed before that is an incident."""
        lost = [
            self._incident(place, chain, log.start, chain.cursor.topic_id, RETENTION)
            for place, (chain, log) in found.items()
            if chain.cursor.next < log.start
        ]
        await self._record(lost, RETENTION)
        return {place: max(chain.cursor.next, log.start) for place, (chain, log) in found.items()}

    async def starts(self, chains: Iterable[Chain]) -> Mapping[str, int]:
        """Where each of these chains begins, by partition."""
        tps = [chain.tp for chain in chains]
        return await until_reached("ledger", lambda: self._ledger.starts(tps))

    async def lost(self) -> dict[str, list[Range]]:
        """All that retention ever removed before it was read, by partition."""
        lost: dict[str, list[Range]] = {}
        async for incident in self._ledger.incidents():
            lost.setdefault(incident.range.tp, []).append(incident.range)
        return lost

    async def _logs(self, places: Collection[Place]) -> dict[Place, Log]:
        return dict(await until_reached("kafka", lambda: self._ask(places)))

    async def _begun(
        self, wanted: Mapping[Place, tuple[str, str]], logs: Mapping[Place, Log]
    ) -> dict[Place, Chain]:
        """The chains of these names, each begun if it has to be in that incarnation."""
        starts = {}
        for place, (name, incarnation) in wanted.items():
            # From 0 on: what retention removed before a worker ever came is lost, too. Where a log
            # went back, the incident that ended the chain before this one says so already.
            topic_id = topic_id_of(incarnation)
            went_back = incarnation != topic_id and topic_id == logs[place].topic_id
            starts[place] = ChainStart(
                self._kinds[place[0]].name,
                partition_name(name, place[1]),
                logs[place].start if went_back else 0,
                incarnation,
            )
        cursors = await until_reached(
            "ledger", lambda: self._ledger.start_chains(list(starts.values()))
        )
        return {p: Chain(wanted[p][0], p[1], cursors[start.tp]) for p, start in starts.items()}

    async def _end(self, chains: Mapping[Place, Chain], logs: Mapping[Place, Log]) -> None:
        for cause in (CREATED_AGAIN, WENT_BACK):
            ends = [
                self._incident(
                    place, chain, chain.cursor.next, _follower(chain.cursor, logs[place]), cause
                )
                for place, chain in chains.items()
                if not chain.cursor.ended and _why_it_ends(chain.cursor, logs[place]) is cause
            ]
            await self._record(ends, cause)

    def _incident(
        self, place: Place, chain: Chain, next: int, incarnation: str, cause: Cause
    ) -> Incident:
        return Incident(
            id=str(ULID()),
            event=self._kinds[place[0]].name,
            range=Range(chain.tp, chain.cursor.next, next, records=0),
            what=cause[0],
            seen_at=datetime.now(UTC),
            topic_id=incarnation,
        )

    async def _record(self, incidents: Sequence[Incident], cause: Cause) -> None:
        """One error in the log for each topic, for that is what wakes somebody."""
        by_topic: dict[str, list[Incident]] = {}
        for incident in incidents:
            by_topic.setdefault(topic_of(incident.range.tp), []).append(incident)
        for topic, several in sorted(by_topic.items()):
            recorded: list[Incident] = []
            try:
                for incident in several:
                    await until_reached("ledger", partial(self._ledger.record_incident, incident))
                    WORKER_INCIDENTS.labels(incident.event).inc()
                    recorded.append(incident)
            finally:
                if recorded:
                    what, advice = cause
                    logger.error("{}: {}: {}. {}", topic, what, _told(recorded), advice)


def _follower(cursor: Cursor, log: Log) -> str:
    """The incarnation that takes the place of this chain's; empty if the chain goes on."""
    if cursor.ended:
        return cursor.topic_id
    match _why_it_ends(cursor, log):
        case None:
            return ""
        case cause if cause is CREATED_AGAIN:
            return log.topic_id
    return gone_back(cursor.topic_id or log.topic_id)


def _why_it_ends(cursor: Cursor, log: Log) -> Cause | None:
    if cursor.topic_id and topic_id_of(cursor.topic_id) != log.topic_id:
        return CREATED_AGAIN
    return WENT_BACK if cursor.next > log.end else None


def _told(incidents: Iterable[Incident]) -> str:
    return ", ".join(
        f"{i.range.tp} from {i.range.first} on ({i.id})"
        if i.ends_chain
        else f"{i.range.tp} {i.range.first} to {i.range.next - 1} ({i.id})"
        for i in incidents
    )
