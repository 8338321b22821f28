"""One idempotent Kafka producer at a time, and a new one whenever it can not go on."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from loguru import logger

from app.core.errors import Transient
from app.gateway.background import Background
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.kafka_errors import kafka_errors
from app.retry import until_reached

BATCH_BYTES = 512 * 1024
"""Of one record batch before compression: brokers take 1 MB unless told otherwise."""

RETRY_BACKOFF_MS = 250
CLIENT_ID = "forebay-gateway"
"""What the brokers' logs, metrics and quotas call us."""

STOP_SECONDS = 5


class Producers:
    """Hands out the live producer; replaces one that had a batch fail.

    A failed batch leaves a hole in its partition's sequence numbers, whatever the error was, and
    the broker refuses every later batch of that producer there (OutOfOrderSequence). The other
    partitions' batches are finished by the old producer while a new one takes over.
    """

    def __init__(
        self,
        kafka: KafkaOptions,
        topics: Mapping[str, TopicSpec],
        readiness: Readiness,
        background: Background,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._readiness = readiness
        self._background = background
        self._producer: AIOKafkaProducer | None = None
        self._live = asyncio.Event()

    async def connect(self) -> None:
        """Wait for Kafka and the topics; `/readyz` names kafka until then. Raises `Fatal`."""
        self._producer = await until_reached("kafka", self._start, self._readiness)
        self._live.set()

    async def live(self) -> AIOKafkaProducer:
        """The producer to use now; waits while there is none."""
        while self._producer is None:
            await self._live.wait()
        return self._producer

    def retire(self, producer: AIOKafkaProducer, why: BaseException) -> None:
        """Use this producer for nothing new. Calling it again does nothing."""
        if producer is not self._producer:
            return
        logger.warning("a batch failed ({}), changing the producer", why or type(why).__name__)
        self._producer = None
        self._live.clear()
        self._background.spawn(self._replace())
        self._background.spawn(self._stop(producer))

    async def close(self) -> None:
        """Flush and stop the producer, within `STOP_SECONDS`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._stop(producer)

    async def _replace(self) -> None:
        try:
            self._producer = await self._start()
        except Transient:
            await self.connect()
        self._live.set()

    async def _start(self) -> AIOKafkaProducer:
        await ensure_topics(self._kafka, self._topics)
        producer = AIOKafkaProducer(
            **self._kafka.client(),
            client_id=CLIENT_ID,
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            linger_ms=0,  # the lanes linger
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        with kafka_errors("starting a producer"):
            try:
                # It asks for its producer id for ever, so the limit has to be ours.
                async with asyncio.timeout(self._kafka.request_timeout_seconds):
                    await producer.start()
            except BaseException:
                await producer.stop()
                raise
        return producer

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await producer.stop()
        except TimeoutError:
            # Its flush waits for Kafka for ever. Whoever waited for these batches has answered.
            logger.warning("Kafka took no more from a producer, closing its connections")
            await producer.client.close()
            producer._sender.sender_task.cancel()
            producer._message_accumulator.fail_all(KafkaTimeoutError())
