"""One bucket: a client made on first use, the prefix of our keys, and each call we make to S3."""

import asyncio
from base64 import b64encode
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sinks.protocol import ObjectStat
from sinks.s3.errors import MISSING, code_of, meaning, translated
from sinks.s3.options import S3Options

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

DELETE_AT_ONCE = 1000
CONTENT_TYPE = "application/gzip"


class Bucket:
    """What the store and its writers share. Every call raises `Transient` or `Fatal`."""

    def __init__(self, options: S3Options) -> None:
        self.name = options.bucket
        self.part_bytes = options.part_bytes
        self._options = options
        self._prefix = f"{options.prefix.strip('/')}/" if options.prefix.strip("/") else ""
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: S3Client | None = None

    def full(self, key: str) -> str:
        return self._prefix + key

    def short(self, full: str) -> str:
        return full.removeprefix(self._prefix)

    async def client(self) -> "S3Client":
        async with self._opening:
            if self._client is None:
                with translated("connect"):
                    self._client = await self._open()
        return self._client

    async def close(self) -> None:
        async with self._opening:
            self._client = None
            await self._stack.aclose()

    async def now(self) -> datetime:
        """The server's clock, as its answers tell it."""
        client = await self.client()
        with translated("ask for the time"):
            answer = await client.head_bucket(Bucket=self.name)
            said = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
            return parsedate_to_datetime(said).astimezone(UTC)

    async def head(self, key: str) -> ObjectStat | None:
        client = await self.client()
        with translated(f"look up {key}"):
            try:
                head = await client.head_object(Bucket=self.name, Key=self.full(key))
            except ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise
        return ObjectStat(key, head["ContentLength"], _bare(head["ETag"]), head["LastModified"])

    async def put(self, key: str, body: bytes, md5: bytes) -> str:
        """Store a whole object and return its ETag."""
        client = await self.client()
        with translated(f"put {key}"):
            answer = await client.put_object(
                Bucket=self.name,
                Key=self.full(key),
                Body=BytesIO(body),  # read piece by piece; bytes would be copied whole
                ContentType=CONTENT_TYPE,
                ContentMD5=b64encode(md5).decode(),
            )
        return _bare(answer["ETag"])

    async def begin_upload(self, key: str) -> str:
        client = await self.client()
        with translated(f"begin {key}"):
            answer = await client.create_multipart_upload(
                Bucket=self.name, Key=self.full(key), ContentType=CONTENT_TYPE
            )
        return answer["UploadId"]

    async def put_part(self, key: str, upload: str, number: int, body: bytes, md5: bytes) -> str:
        """Store part `number` (from 1) and return its ETag."""
        client = await self.client()
        with translated(f"upload part {number} of {key}"):
            answer = await client.upload_part(
                Bucket=self.name,
                Key=self.full(key),
                UploadId=upload,
                PartNumber=number,
                Body=BytesIO(body),
                ContentMD5=b64encode(md5).decode(),
            )
        return _bare(answer["ETag"])

    async def complete_upload(self, key: str, upload: str, etags: Sequence[str]) -> str | None:
        """Join the parts into an object and return its ETag; None: there is no such upload."""
        client = await self.client()
        with translated(f"complete {key}"):
            try:
                answer = await client.complete_multipart_upload(
                    Bucket=self.name,
                    Key=self.full(key),
                    UploadId=upload,
                    MultipartUpload={
                        "Parts": [{"PartNumber": n, "ETag": e} for n, e in enumerate(etags, 1)]
                    },
                )
            except ClientError as error:
                if code_of(error) == "NoSuchUpload":
                    return None
                raise
        return _bare(answer["ETag"])

    async def abort_upload(self, key: str, upload: str) -> None:
        """Forget an upload and its parts; one that is gone already is no error."""
        client = await self.client()
        with translated(f"abort {key}"):
            try:
                await client.abort_multipart_upload(
                    Bucket=self.name, Key=self.full(key), UploadId=upload
                )
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

    async def delete(self, keys: Collection[str]) -> None:
        """Remove objects; those that do not exist are no error."""
        client = await self.client()
        left = iter(keys)
        while batch := list(islice(left, DELETE_AT_ONCE)):
            with translated(f"delete {len(batch)} objects"):
                answer = await client.delete_objects(
                    Bucket=self.name,
                    Delete={"Objects": [{"Key": self.full(key)} for key in batch], "Quiet": True},
                )
            for failed in answer.get("Errors", ()):
                code, message = failed.get("Code", ""), failed.get("Message", "")
                if code not in MISSING:
                    raise meaning(code, 500, message, f"delete {failed.get('Key', '')}")

    async def _open(self) -> "S3Client":
        from sinks.s3.client import client_for  # slow, and not for those with another store

        return await self._stack.enter_async_context(client_for(self._options))


def _bare(etag: str) -> str:
    return etag.strip('"')
