"""Faust as its documentation has it: an agent that takes one event at a time, and a table."""

import sys
from datetime import datetime
from pathlib import Path

import faust
import orjson
from faust.types import StreamT

from tests.bench.peers.objects import Objects
from tests.bench.peers.settings import (
    BROKERS,
    EVENTS,
    FOLDER,
    GROUP,
    PARTITIONS,
    TOPICS,
    tell_done,
    tell_read,
    tell_reading,
)  # fmt: skip


class Event(faust.Record, coerce=True, validation=True):
    """One event, as sent."""

    event_id: str
    occurred_at: datetime
    user_id: str
    session_id: str
    page: str
    country: str
    amount_cents: int
    score: float
    first: bool


app = faust.App(
    GROUP,
    broker=f"kafka://{BROKERS}",
    store="rocksdb://",
    datadir=Path(FOLDER),
    topic_partitions=PARTITIONS,
    web_enabled=False,
)
topic = app.topic(*TOPICS, value_type=Event, value_serializer="json")
seen = app.Table("seen", default=bool, partitions=PARTITIONS)
objects = Objects()
counted = {"events": 0, "kept": 0}


@app.agent(topic)
async def stage(events: "StreamT[Event]") -> None:
    """Write what was not seen before."""
    async for event in events:
        if not counted["events"]:
            tell_reading()
        counted["events"] += 1
        tell_read(counted["events"])
        if not seen[event.event_id]:
            seen[event.event_id] = True
            counted["kept"] += 1
            objects.write("all", orjson.dumps(event.asdict()) + b"\n")
        if counted["events"] == EVENTS:
            objects.finish()
            await app.consumer.commit()
            tell_done(EVENTS, counted["kept"], objects.count)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--without-web", "--loglevel", "warn"]
    app.main()
