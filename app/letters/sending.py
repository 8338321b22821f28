"""Send dead letters again, and keep in the ledger that it was done: in this order, batch by batch.

1 Kafka has acknowledged every event of the batch · 2 the disposal is recorded. A crash between the
two leaves letters open that were sent: the next replay sends them again, and each copy is a
duplicate, because a fix is deterministic.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ulid import ULID

from app.contracts.model import Contract
from app.core.disposal import MAX_LETTERS, Disposal, Fate
from app.core.headers import RECEIVED_AT, REJECTED, REPLAY_OF
from app.core.judge import EventType
from app.core.partition import partition_of
from app.kafka import KafkaOptions, ensure_topics
from app.kafka_errors import kafka_errors
from app.ledger.protocol import Ledger
from app.letters.letter import Letter, Name, decoded
from app.worker.records import EPOCH

if TYPE_CHECKING:  # importing aiokafka takes time that a short command should not spend
    from aiokafka import AIOKafkaProducer

MAX_BYTES = 8 << 20
"""Of the events of one batch."""

CLIENT_ID = "forebay-replay"
Headers = list[tuple[str, bytes]]
Passed = Callable[[str], None]


def disposal_of(event: str, fate: Fate, why: str, names: list[Name]) -> Disposal:
    """What was done about these letters just now."""
    letters: dict[str, list[int]] = {}
    for tp, offset in sorted(set(names)):
        letters.setdefault(tp, []).append(offset)
    spans = {tp: tuple(offsets) for tp, offsets in letters.items()}
    return Disposal(str(ULID()), event, fate, why, datetime.now(UTC), spans)


def headers_of(letter: Letter) -> Headers:
    """Those it was sent with, when it was received, and which letter it is: so the verdict on late
    and early stays, and one that dies again can be told from a new one."""
    ours = (RECEIVED_AT, REJECTED, REPLAY_OF)
    kept = [(name, decoded(value) or b"") for name, value in letter.headers if name not in ours]
    milliseconds = round((letter.received_at - EPOCH).total_seconds() * 1000)
    return [
        *kept,
        (RECEIVED_AT, str(milliseconds).encode()),
        (REPLAY_OF, str(letter.name).encode()),
    ]


class Replay:
    """Takes letters that pass; what is in hand goes out when it is much, and at `flush`."""

    def __init__(
        self,
        producer: "AIOKafkaProducer",
        ledger: Ledger,
        kind: EventType,
        contract: Contract,
        why: str,
        at: Passed,
    ) -> None:
        self._producer, self._ledger = producer, ledger
        self._kind, self._contract, self._why, self._at = kind, contract, why, at
        self._batch: list[tuple[Letter, bytes]] = []
        self._bytes = 0
        self.sent = 0

    async def take(self, letter: Letter, raw: bytes) -> None:
        """Send it soon. Raises as `flush`."""
        self._batch.append((letter, raw))
        self._bytes += len(raw)
        if len(self._batch) >= MAX_LETTERS or self._bytes >= MAX_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Send what is in hand, and record it.

        Raises `Transient` or `Fatal`: some of it may have been sent, and is open all the same.
        """
        if not self._batch:
            return
        with kafka_errors(f"sending {self._contract.event} again"):
            sending = [await self._send(letter, raw) for letter, raw in self._batch]
            answers = await asyncio.gather(*sending, return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
        self._at("after_replay")
        names = [letter.name for letter, _ in self._batch]
        done = disposal_of(self._contract.event, Fate.REPLAYED, self._why, names)
        await self._ledger.record_disposal(done)
        self.sent += len(self._batch)
        self._batch, self._bytes = [], 0

    async def _send(self, letter: Letter, raw: bytes) -> "asyncio.Future[object]":
        key = self._kind.partition_key(self._kind.parse(raw))
        partition = partition_of(key, self._contract.partitions)
        sending: asyncio.Future[object] = await self._producer.send(
            self._kind.topic, raw, key=key, partition=partition, headers=headers_of(letter)
        )
        return sending


@asynccontextmanager
async def opened_producer(
    kafka: KafkaOptions, contract: Contract
) -> AsyncIterator["AIOKafkaProducer"]:
    """As strict as the gateway's. Raises `Transient` or `Fatal`."""
    from aiokafka import AIOKafkaProducer

    await ensure_topics(kafka, {contract.topic: contract.topic_spec})
    producer = AIOKafkaProducer(
        **kafka.client(),
        client_id=CLIENT_ID,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
    )
    with kafka_errors("starting a producer"):
        try:
            async with asyncio.timeout(kafka.request_timeout_seconds):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
    try:
        yield producer
    finally:
        await producer.stop()
