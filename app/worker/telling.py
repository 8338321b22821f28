"""What metrics, log and Sentry are told of a seal."""

from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from app.core.seal import Seal
from app.metrics import (
    WORKER_SEAL_AGE_SECONDS,
    WORKER_SEAL_BYTES,
    WORKER_SEAL_RECORDS,
    WORKER_SEAL_SECONDS,
    WORKER_SEALS,
)
from app.spans import job
from app.worker.open_seal import OpenSeal


@contextmanager
def closing(seal: OpenSeal, cut_by: str) -> Iterator[None]:
    """It is on its way into the ledger meanwhile, and in it afterwards; unless this raises."""
    event = seal.kind.name
    with (
        logger.contextualize(event=event, seal=seal.id),
        job("seal", event),
        WORKER_SEAL_SECONDS.time(),
    ):
        yield
    WORKER_SEALS.labels(event, cut_by).inc()


def recorded(seal: OpenSeal, entry: Seal) -> None:
    """It is in the ledger. The line names the traces that its events are part of; without one it
    is for who debugs, or there would be one a minute of each type."""
    WORKER_SEAL_AGE_SECONDS.observe(seal.age_seconds)
    WORKER_SEAL_BYTES.observe(sum(stored.bytes for stored in entry.objects))
    WORKER_SEAL_RECORDS.observe(entry.received)
    told = logger.bind(traces=list(seal.traces)) if seal.traces else logger
    level = "INFO" if seal.traces else "DEBUG"
    told.log(level, "sealed {} of {}: {} records", seal.id, entry.event, entry.received)
