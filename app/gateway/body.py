"""Read and decompress a request's body, within limits."""

import asyncio
import sys
from collections.abc import Callable
from typing import Protocol, cast

from aiohttp import hdrs, web
from isal import igzip_lib

from app.gateway.budget import Budget
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("gzip", "zstd")
ZSTD_WINDOW_LOG = 23  # 8 MB, the most that HTTP allows (RFC 9659): a frame may ask for 2 GB


async def read_body(
    request: web.Request, options: GatewayOptions, budget: Budget, owner: str
) -> bytes:
    """Read and decompress the body. `owner` holds in `budget` what it returns: give it back.

    Raises:
        Refusal: 400, 408, 413, 415.
        Overloaded: see `Budget.take`; nothing is held then.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if encoding not in ("identity", *ENCODINGS):
        raise Refusal(
            415,
            "unsupported_encoding",
            f"Content-Encoding may be {' or '.join(ENCODINGS)}, or nothing",
            Accept_Encoding=", ".join(ENCODINGS),
        )
    limit = options.max_body_bytes
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    content = request.content
    try:
        if content.is_eof():  # all of it came with the head: nothing to wait for
            whole = content.read_nowait()
            budget.take(len(whole), owner)
            body += whole
        else:
            async with asyncio.timeout(options.read_timeout_seconds):
                while chunk := await content.readany():
                    budget.take(len(chunk), owner)
                    body += chunk
                    if len(body) > limit:
                        break
        if len(body) > limit:
            raise _too_large(limit)
        if encoding == "identity":
            return bytes(body)
        plain = decompressed(bytes(body), encoding, limit)
        budget.take(len(plain), owner)
    except TimeoutError:
        budget.give(len(body), owner)
        raise Refusal(
            408, "too_slow", f"the body did not arrive in {options.read_timeout_seconds:g} s"
        ) from None
    except BaseException:
        budget.give(len(body), owner)
        raise
    budget.give(len(body), owner)
    return plain


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        f"a body may have {limit} bytes, after decompression: send smaller batches",
    )


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _gzip() -> _Decompressor:
    made: _Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return made


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    )


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {"gzip": _gzip, "zstd": _zstd}


# isal's stubs say that its error is an instance
_BROKEN = (cast(type[Exception], igzip_lib.IsalError), zstd.ZstdError, EOFError)


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompress one or more gzip members or zstd frames.

    Never makes more than `limit` bytes and one. Raises `Refusal` 413 or 400.
    """
    plain = bytearray()
    rest = body
    try:
        while rest:
            frame = _DECOMPRESSORS[encoding]()
            while not frame.eof:
                piece = frame.decompress(rest, limit + 1 - len(plain))
                plain += piece
                if len(plain) > limit:
                    raise _too_large(limit)
                if not piece and not frame.eof and frame.needs_input:
                    raise EOFError("it ends too early")
                rest = b""
            rest = frame.unused_data
    except _BROKEN as error:
        raise Refusal(400, "bad_compression", f"the body is not {encoding}: {error}") from error
    return bytes(plain)
