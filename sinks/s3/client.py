"""The S3 client as aiobotocore has it, but for two ways in which a request could wait for ever.

* aiohttp has a timeout for reading and none for writing: a server that stops reading in the middle
  of a part would never be given up.
* botocore has each PUT ask for «100 Continue» before it sends its body, and aiohttp waits for that
  without a timeout. It would also be one more way there and back for each small object.

Importing this takes half a second and 15 MB: only for those who really use S3.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.exceptions import ReadTimeoutError

from sinks.s3.descriptions import Descriptions
from sinks.s3.options import S3Options

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

CONNECTIONS = 8
TRIES = 3
PATIENCE = 4
"""A request may go on for so many times `timeout_seconds`, while something moves."""


def client_for(options: S3Options) -> "AbstractAsyncContextManager[S3Client]":
    """Make a client. Entering it connects to nothing yet."""
    config = AioConfig(
        connect_timeout=options.timeout_seconds,
        read_timeout=options.timeout_seconds,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        # We send Content-MD5, which every S3 server knows; the newer checksums some do not.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if options.endpoint_url else "auto"},
        http_session_cls=_ending_after(PATIENCE * options.timeout_seconds),
    )
    session = AioSession()
    session.register_component("data_loader", Descriptions())
    session.get_component("event_emitter").register_last("before-call.s3", _send_at_once)
    return session.create_client(
        "s3",
        region_name=options.region,
        endpoint_url=options.endpoint_url or None,
        aws_access_key_id=options.access_key_id or None,
        aws_secret_access_key=options.secret_access_key.get_secret_value() or None,
        config=config,
    )


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)


def _ending_after(seconds: float) -> type[AIOHTTPSession]:
    class EndingSession(AIOHTTPSession):
        """Gives up a request, so that botocore tries it again."""

        async def send(self, request: Any) -> Any:
            try:
                async with asyncio.timeout(seconds):
                    return await super().send(request)
            except TimeoutError as error:
                raise ReadTimeoutError(endpoint_url=request.url, error=error) from error

    return EndingSession
