"""Receipts for a gateway: the same that `forebay trace` gives, with less to be spent on each."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from app.contracts.model import Contract
from app.gateway.receipts import BadKey
from app.kafka import KafkaOptions
from app.ledger.protocol import Ledger
from app.trace.bounded import Bounded
from app.trace.find import Limits, Tracer
from app.trace.key import UnfitKey
from app.trace.receipt import Outcome
from app.trace.stores import Readable
from sinks.protocol import Warehouse

RECORDS = 5_000
BYTES = 16_000_000
TRACERS = 16


class Answering:
    """Says where an event is. Of its payload an answer has nothing.

    Reaches nothing before it is asked for the first time.
    """

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        ledger: Ledger,
        objects: Readable,
        warehouse: Warehouse,
        kafka: KafkaOptions,
        pii_key: bytes | None,
        *,
        most_bytes: int = BYTES,
    ) -> None:
        self._contracts, self._ledger = contracts, ledger
        self._objects = Bounded(objects, most_bytes)
        self._warehouse, self._kafka, self._pii_key = warehouse, kafka, pii_key
        self._tracer = lru_cache(TRACERS)(self._made)  # compiling a contract takes milliseconds

    async def __call__(self, event: str, words: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
        """The receipt of the event with this key, and whether it was found.

        Raises:
            BadKey: the words are no key of this type.
            Transient, Fatal: as `Tracer`.
        """
        tracer = self._tracer(event)
        try:
            key = tracer.keys.said(words)
        except UnfitKey as error:
            raise BadKey(error.why, tuple(tracer.keys.columns)) from error
        await self._ledger.ping()  # which opens it, the first time
        with self._objects.search():
            receipt = await tracer.by(key)
        return receipt.outcome is not Outcome.UNKNOWN, receipt.as_json()

    def _made(self, event: str) -> Tracer:
        return Tracer(
            self._contracts[event],
            self._ledger,
            self._objects,
            self._warehouse,
            self._kafka,
            self._pii_key,
            Limits(RECORDS),
        )
