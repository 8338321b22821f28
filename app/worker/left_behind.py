"""Topics that no topic file names any more, and that hold records which nobody has read.

A version was raised, or a file removed, before its topic was read to the end. A worker can not read
it, for the contract is gone with the file; so it says so, until somebody drains the topic.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping

from loguru import logger

from app.core.incarnation import place_of, topic_id_of, topic_of
from app.core.versions import event_of
from app.kafka_logs import KafkaLogs, LogEnds
from app.ledger.protocol import Cursor, Ledger
from app.metrics import WORKER_LEFT_BEHIND

LOOK_SECONDS = 300.0


class LeftBehind:
    """Looks at start and every five minutes, and says what it finds as an error each time."""

    def __init__(self, topics: Mapping[str, str], ledger: Ledger, ask: KafkaLogs) -> None:
        """`topics` are those of the topic files, by event."""
        self._topics, self._ledger, self._ask = topics, ledger, ask
        self._told: set[str] = set()
        for event in topics:
            WORKER_LEFT_BEHIND.labels(event).set(0)

    async def watch(self) -> None:
        """Look without end."""
        while True:
            try:
                self._tell(await self.find())
            except Exception as error:  # reading goes on without this look; the audit has its own
                logger.warning("not known whether older topics hold unread records: {}", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def find(self) -> Mapping[str, int]:
        """By topic: how many offsets that Kafka still has were not read.

        Looks at every version of each event that a topic file or the ledger names. Raises
        `Transient` when Kafka or the ledger can not be reached.
        """
        chains = await self._ledger.partitions()
        tps = [tp for of_event in chains.values() for tp in of_event]
        current = set(self._topics.values())
        older = {topic_of(tp) for tp in tps} - current
        logs = await self._ask(older, {*self._topics, *chains})
        left = {tp: log for tp, log in logs.items() if topic_of(tp) not in current}
        cursors = await self._ledger.cursors([tp for tp in tps if place_of(tp) in left])
        read = _read_to(cursors, left)
        waiting: Counter[str] = Counter()
        for tp, log in left.items():
            waiting[topic_of(tp)] += max(0, log.end - max(log.start, read.get(tp, 0)))
        return +waiting

    def _tell(self, waiting: Mapping[str, int]) -> None:
        by_event: Counter[str] = Counter()
        for topic, count in sorted(waiting.items()):
            by_event[event_of(topic) or topic] += count
            logger.error(
                "{} offsets of {} were never read, and this worker's topic files do not name the "
                "topic: they will be lost to Kafka's retention. `forebay audit` says where they "
                "are and how to read them",
                count,
                topic,
            )
        for event in self._told | by_event.keys():
            WORKER_LEFT_BEHIND.labels(event).set(by_event[event])
        self._told |= by_event.keys()


def _read_to(cursors: Mapping[str, Cursor], logs: Mapping[str, LogEnds]) -> dict[str, int]:
    """How far each log was read, by the chains of the topic that stands there now."""
    read: dict[str, int] = {}
    for tp, cursor in cursors.items():
        place, known = place_of(tp), topic_id_of(cursor.topic_id)
        of_this_topic = not known or logs[place].topic_id in ("", known)
        if of_this_topic and not cursor.ended:
            read[place] = max(read.get(place, 0), cursor.next)
    return read
