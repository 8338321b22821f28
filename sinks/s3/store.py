"""The object store on S3, or on anything that speaks its protocol."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from botocore.exceptions import ClientError

from sinks.protocol import ObjectLost, ObjectStat, Upload
from sinks.s3.bucket import Bucket
from sinks.s3.errors import MISSING, code_of, translated
from sinks.s3.options import S3Options
from sinks.s3.writer import S3Writer

READ_BYTES = 256 << 10


class S3ObjectStore:
    """An `ObjectStore`. It connects on first use; `close` it at the end."""

    def __init__(self, options: S3Options) -> None:
        self._bucket = Bucket(options)

    def writer(self, key: str) -> S3Writer:
        return S3Writer(self._bucket, key)

    async def stat(self, key: str) -> ObjectStat | None:
        return await self._bucket.head(key)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        client = await self._bucket.client()
        with translated(f"read {key}"):
            try:
                answer = await client.get_object(
                    Bucket=self._bucket.name, Key=self._bucket.full(key)
                )
            except ClientError as error:
                if code_of(error) in MISSING:
                    raise ObjectLost(f"object {key} is not there") from error
                raise
            async with answer["Body"]:
                while chunk := await answer["Body"].read(READ_BYTES):
                    yield chunk

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        client = await self._bucket.client()
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.name, Prefix=self._bucket.full(prefix)
        )
        with translated(f"list {prefix}"):
            async for page in pages:
                for found in page.get("Contents", ()):
                    key = self._bucket.short(found["Key"])
                    etag = found["ETag"].strip('"')
                    yield ObjectStat(key, found["Size"], etag, found["LastModified"])

    async def delete(self, keys: Collection[str]) -> None:
        await self._bucket.delete(keys)

    async def ping(self) -> None:
        client = await self._bucket.client()
        with translated(f"look for bucket {self._bucket.name}"):
            await client.head_bucket(Bucket=self._bucket.name)

    async def now(self) -> datetime:
        return await self._bucket.now()

    async def abort_upload(self, upload: Upload) -> None:
        await self._bucket.abort_upload(upload.key, upload.id)

    async def uploads(self) -> AsyncIterator[Upload]:
        client = await self._bucket.client()
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket.name, Prefix=self._bucket.full("")
        )
        with translated("list uploads"):
            async for page in pages:
                for found in page.get("Uploads", ()):
                    key = self._bucket.short(found["Key"])
                    yield Upload(key, found["UploadId"], found["Initiated"])

    async def close(self) -> None:
        await self._bucket.close()
