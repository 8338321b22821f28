"""Lines as gzip on S3, one object after the other for each name."""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from tests.bench.peers.settings import BUCKET, PREFIX, S3

OBJECT_BYTES = 16 << 20
"""Of lines; then an object is closed."""
GZIP = 31
"""As `wbits` of zlib."""
THREADS = 2


class Objects:
    """`compressors` is zlib, or another module with its interface."""

    def __init__(self, compressors: Any = zlib) -> None:
        self.count = 0
        self._compressors = compressors
        self._open: dict[str, _Object] = {}
        self._s3 = boto3.client("s3", **S3, config=Config(s3={"addressing_style": "path"}))
        self._pool = ThreadPoolExecutor(THREADS)
        self._puts: list[Future[Any]] = []

    def write(self, name: str, lines: bytes) -> None:
        """Add whole lines to the open object of this name."""
        if name not in self._open:
            self._open[name] = _Object(self._compressors)
        self._open[name].write(lines)
        if self._open[name].bytes > OBJECT_BYTES:
            self._put(name)

    def finish(self) -> None:
        """Close what is open, and return when all is on S3."""
        for name in list(self._open):
            self._put(name)
        for put in self._puts:
            put.result()

    def _put(self, name: str) -> None:
        body = self._open.pop(name).closed()
        self.count += 1
        key = f"{PREFIX}/{name}/{self.count:05}.ndjson.gz"
        self._puts.append(self._pool.submit(self._s3.put_object, Bucket=BUCKET, Key=key, Body=body))


class _Object:
    def __init__(self, compressors: Any) -> None:
        self.bytes = 0
        self._gzip = compressors.compressobj(1, compressors.DEFLATED, GZIP)
        self._parts: list[bytes] = []

    def write(self, lines: bytes) -> None:
        self.bytes += len(lines)
        self._parts.append(self._gzip.compress(lines))

    def closed(self) -> bytes:
        return b"".join([*self._parts, self._gzip.flush()])
