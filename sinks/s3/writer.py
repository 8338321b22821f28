"""NDJSON.gz on its way to S3: a small object is one PUT, a larger one a multipart upload."""

import asyncio
import hashlib
from dataclasses import dataclass

from loguru import logger

from app.core.errors import ForebayError
from sinks.protocol import ObjectLost, Written
from sinks.s3.bucket import Bucket
from sinks.s3.gzip_member import GzipMember

PARTS_IN_FLIGHT = 2


@dataclass(slots=True)
class _Part:
    """`body` is let go of, and `etag` known, once the part is stored."""

    number: int
    body: bytes
    size: int
    md5: bytes
    etag: str = ""
    task: asyncio.Task[None] | None = None


class S3Writer:
    """An `ObjectWriter`, for one coroutine at a time.

    It holds the uncompressed tail (up to 128 KB), one part being filled and the parts in flight.
    A part that failed keeps its body: `relieve` and `finish` raise, and when called again they
    try it again.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key
        self._member = GzipMember()
        self._sha256 = hashlib.sha256()
        self._upload = ""
        self._parts: list[_Part] = []
        self._whole = b""
        self._ended = False
        self._aborted = False
        self._written: Written | None = None

    @property
    def held_bytes(self) -> int:
        parts = sum(len(part.body) for part in self._parts)
        return self._member.held_bytes + len(self._whole) + parts

    def append(self, lines: bytes | bytearray) -> None:
        if self._ended or self._aborted:
            raise RuntimeError(f"{self._key} is finished or aborted")
        self._member.append(lines)

    async def relieve(self) -> None:
        self._cut_parts()
        if self._parts:
            await self._upload_parts(leave_running=PARTS_IN_FLIGHT)

    async def finish(self) -> Written:
        if self._aborted:
            raise RuntimeError(f"{self._key} is aborted")
        if self._written is None:
            if not self._ended:
                self._end()
            self._written = await (self._put() if self._whole else self._complete())
            self._whole = b""
        return self._written

    async def abort(self) -> None:
        if self._aborted or self._written is not None:
            return
        self._aborted = True
        tasks = [part.task for part in self._parts if part.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._parts.clear()
        self._whole = b""
        self._member = GzipMember()
        try:
            if self._upload:
                await self._bucket.abort_upload(self._key, self._upload)
            if self._ended:
                # A finish whose answer was lost may have stored it, and nobody will ever name it.
                await self._bucket.delete([self._key])
        except ForebayError as error:
            logger.warning("{} is left to the janitor: {}", self._key, error)

    def _end(self) -> None:
        """Make what is left the whole object or the last part, held once while it is sent."""
        self._ended = True
        self._member.end()
        if self._parts or len(self._member.out) > self._bucket.part_bytes:
            self._cut_parts(last=True)
        else:
            self._whole = bytes(self._member.out)
        self._member.out.clear()

    async def _put(self) -> Written:
        body = self._whole
        etag = await self._bucket.put(self._key, body, _md5(body))
        return Written(len(body), hashlib.sha256(body).hexdigest(), etag)

    async def _complete(self) -> Written:
        await self._upload_parts(leave_running=0)
        etags = [part.etag for part in self._parts]
        etag = await self._bucket.complete_upload(self._key, self._upload, etags)
        size = sum(part.size for part in self._parts)
        return Written(size, self._sha256.hexdigest(), etag or await self._completed_before(size))

    async def _completed_before(self, size: int) -> str:
        """The upload is gone: did an earlier call complete it, and only its answer was lost?"""
        found = await self._bucket.head(self._key)
        if found is None:
            raise ObjectLost(
                f"the upload of {self._key} was aborted by someone else before it was finished: "
                "is a lifecycle rule or a janitor's grace too short?"
            )
        if found.bytes != size or (self._etags_are_md5() and found.etag != self._md5_of_md5s()):
            raise ObjectLost(f"{self._key} was written by someone else")
        return found.etag

    def _etags_are_md5(self) -> bool:
        """Not so where the server encrypts with keys of its own."""
        return all(part.etag == part.md5.hex() for part in self._parts)

    def _md5_of_md5s(self) -> str:
        return f"{_md5(b''.join(part.md5 for part in self._parts)).hex()}-{len(self._parts)}"

    def _cut_parts(self, *, last: bool = False) -> None:
        size, out = self._bucket.part_bytes, self._member.out
        while len(out) >= size or (last and out):
            body = bytes(memoryview(out)[:size])
            del out[:size]
            self._sha256.update(body)
            self._parts.append(_Part(len(self._parts) + 1, body, len(body), _md5(body)))

    async def _upload_parts(self, *, leave_running: int) -> None:
        if not self._upload:
            self._upload = await self._bucket.begin_upload(self._key)
        for part in self._parts:
            if not part.etag and part.task is None:
                await self._until_running(PARTS_IN_FLIGHT - 1)
                part.task = asyncio.create_task(self._upload_part(part))
        await self._until_running(leave_running)

    async def _upload_part(self, part: _Part) -> None:
        part.etag = await self._bucket.put_part(
            self._key, self._upload, part.number, part.body, part.md5
        )
        part.body = b""

    async def _until_running(self, most: int) -> None:
        """Wait until at most so many parts are in flight; raise the error of one that failed."""
        while True:
            failed: BaseException | None = None
            for part in self._parts:
                if part.task is not None and part.task.done():
                    failed, part.task = part.task.exception() or failed, None
            if failed is not None:
                raise failed
            running = [part.task for part in self._parts if part.task is not None]
            if len(running) <= most:
                return
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()
