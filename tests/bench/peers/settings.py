"""What a peer is told, in environment variables, all peers the same; and what it tells."""

import json
import os
import signal
import sys
import time

PORT = int(os.environ.get("PORT", "0"))
BROKERS = os.environ.get("BROKERS", "")
TOPICS = [name for name in os.environ.get("TOPICS", "").split(",") if name]
PARTITIONS = int(os.environ.get("PARTITIONS", "0"))
"""Of each topic."""
EVENTS = int(os.environ.get("EVENTS", "0"))
"""After so many, copies included, a worker finishes, tells, and waits to be ended."""
TELL_EVERY = 10_000
GROUP = os.environ.get("GROUP", "")
FOLDER = os.environ.get("FOLDER", ".")
PREFIX = os.environ.get("PREFIX", "")
BUCKET = os.environ.get("S3_BUCKET", "")
S3 = {
    "endpoint_url": os.environ.get("S3_ENDPOINT"),
    "region_name": os.environ.get("S3_REGION"),
    "aws_access_key_id": os.environ.get("S3_ACCESS_KEY"),
    "aws_secret_access_key": os.environ.get("S3_SECRET_KEY"),
}


def tell_reading() -> None:
    """From now on we read; what we took until now was our start."""
    _tell(f"reading {time.process_time()}")


def tell_read(events: int, before: int = -1) -> None:
    """So many were read until now, and so many `before`: told at each `TELL_EVERY`."""
    before = events - 1 if before < 0 else before
    if events // TELL_EVERY > before // TELL_EVERY:
        _tell(f"read {events}")


def tell_done(events: int, kept: int, objects: int) -> None:
    """All objects are on S3 and all offsets committed."""
    told = {"events": events, "kept": kept, "objects": objects}
    _tell(f"done {json.dumps(told)}")


def stay() -> None:
    """Live on until the bench has read the kernel's account of us."""
    signal.sigwait({signal.SIGTERM})


def _tell(line: str) -> None:
    print(line, file=sys.__stdout__, flush=True)
