"""Quix Streams with state: a filter that remembers ids (RocksDB, changelog), and a batch sink."""

import gzip
from typing import Any

import boto3
import orjson
from botocore.config import Config
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch
from quixstreams.state import State

from tests.bench.peers.settings import (
    BROKERS,
    BUCKET,
    EVENTS,
    FOLDER,
    GROUP,
    PREFIX,
    S3,
    TOPICS,
    stay,
    tell_done,
    tell_read,
    tell_reading,
)  # fmt: skip

COMMIT_EVERY = 50_000
COMMIT_SECONDS = 30


class ObjectSink(BatchingSink):
    """An object per partition and checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._s3 = boto3.client("s3", **S3, config=Config(s3={"addressing_style": "path"}))

    def write(self, batch: SinkBatch) -> None:
        lines = b"\n".join(orjson.dumps(item.value) for item in batch) + b"\n"
        key = f"{PREFIX}/{batch.topic}/{batch.partition}-{batch.start_offset}.ndjson.gz"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(lines, 1))
        self.count += 1


class Deduplication:
    """Counts, and lets each id through once."""

    def __init__(self, app: Application) -> None:
        self.events = self.kept = 0
        self._app = app

    def is_new(self, event: dict[str, Any], state: State) -> bool:
        if not self.events:
            tell_reading()
        self.events += 1
        tell_read(self.events)
        if self.events == EVENTS:
            self._app.stop()
        if state.exists(event["event_id"]):
            return False
        state.set(event["event_id"], 1)
        self.kept += 1
        return True


def main() -> None:
    app = Application(
        broker_address=BROKERS,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        commit_every=COMMIT_EVERY,
        commit_interval=COMMIT_SECONDS,
        state_dir=FOLDER,
        loglevel="WARNING",
    )
    sink, deduplication = ObjectSink(), Deduplication(app)
    for name in TOPICS:
        events = app.dataframe(app.topic(name, value_deserializer="json"))
        events.filter(deduplication.is_new, stateful=True).sink(sink)
    app.run()
    tell_done(deduplication.events, deduplication.kept, sink.count)
    stay()


if __name__ == "__main__":
    main()
