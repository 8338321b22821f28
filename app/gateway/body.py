"""From a request's bytes to the bytes of each event, within limits."""

import asyncio
import sys
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

import msgspec
from aiohttp import hdrs, web
from isal import igzip_lib

from app.gateway.budget import Budget
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON_TYPES = ("application/json",)
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
ENCODINGS = ("gzip", "zstd")
ZSTD_WINDOW_LOG = 23  # 8 MB, the most that HTTP allows (RFC 9659): a frame may ask for 2 GB
MAX_VALUES = 1_000_000
"""In one JSON array: its smallest elements take 30 times their size in memory."""


class Sent(NamedTuple):
    """One event as it came: the type it claims (None: it names none) and its bytes."""

    type: str | None
    raw: bytes


class Wrapped(msgspec.Struct):
    """An element of `{"events": […]}`."""

    type: str | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Envelope(msgspec.Struct):
    """The body of `POST /v1/events`."""

    events: list[msgspec.Raw]


_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)
_envelope = msgspec.json.Decoder(Envelope)
_wrapped = msgspec.json.Decoder(Wrapped)


async def read_body(request: web.Request, options: GatewayOptions, budget: Budget) -> bytes:
    """Read and decompress the body. What it returns is held in `budget`: give its length back.

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
    try:
        async with asyncio.timeout(options.read_timeout_seconds):
            while chunk := await request.content.readany():
                budget.take(len(chunk))
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
        if encoding == "identity":
            return bytes(body)
        plain = decompressed(bytes(body), encoding, limit)
        budget.take(len(plain))
    except TimeoutError:
        budget.give(len(body))
        raise Refusal(
            408, "too_slow", f"the body did not arrive in {options.read_timeout_seconds:g} s"
        ) from None
    except BaseException:
        budget.give(len(body))
        raise
    budget.give(len(body))
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


def split(request: web.Request, body: bytes, type: str | None, limit: int) -> list[Sent]:
    """Cut a body into at most `limit` events. `type` is that of the path; without one the body
    is an envelope that names each event's type.

    Raises:
        Refusal: 400 no JSON or no events, 413 too many, 415 another content type.
    """
    is_ndjson = _is_ndjson(request)
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    body = body.strip()
    if not body:
        raise Refusal(400, "empty_body", "the body is empty: send at least one event")
    try:
        if is_ndjson:
            sent = _lines(body, type, limit)
        elif type is not None:
            sent = _elements(body, type, limit)
        else:
            sent = _unwrapped(body, limit)
    except (msgspec.DecodeError, RecursionError) as error:
        hint = "" if is_ndjson else "; is it NDJSON? Then say Content-Type: application/x-ndjson"
        raise Refusal(400, "not_json", f"the body is not JSON: {error}{hint}") from None
    if not sent:
        raise Refusal(400, "no_events", "there is no event in the body")
    return sent


def _is_ndjson(request: web.Request) -> bool:
    if hdrs.CONTENT_TYPE not in request.headers:
        return False
    content_type = request.content_type
    charset = (request.charset or "utf-8").lower().replace("-", "")
    if content_type not in JSON_TYPES + NDJSON_TYPES or charset not in ("utf8", "usascii"):
        raise Refusal(
            415,
            "unsupported_content_type",
            "Content-Type may be application/json or application/x-ndjson, in UTF-8",
            Accept_Post=", ".join(JSON_TYPES + NDJSON_TYPES),
        )
    return content_type in NDJSON_TYPES


def _check_number(count: int, limit: int) -> None:
    if count > limit:
        raise Refusal(
            413, "too_many_events", f"a request may have {limit} events: send smaller batches"
        )


def _elements(body: bytes, type: str, limit: int) -> list[Sent]:
    if not body.startswith(b"["):
        return [Sent(type, bytes(_value.decode(body)))]
    _check_values(body)
    elements = _array.decode(body)
    _check_number(len(elements), limit)
    return [Sent(type, bytes(element)) for element in elements]


def _unwrapped(body: bytes, limit: int) -> list[Sent]:
    _check_values(body)
    try:
        events = _envelope.decode(body).events
    except msgspec.ValidationError as error:
        raise Refusal(
            400,
            "not_an_envelope",
            f'send {{"events": [{{"type": …, "data": {{…}}}}]}}, '
            f"or post to /v1/events/{{type}}: {error}",
        ) from None
    _check_number(len(events), limit)
    return [_unwrap(bytes(event)) for event in events]


def _unwrap(event: bytes) -> Sent:
    try:
        wrapped = _wrapped.decode(event)
    except msgspec.ValidationError:
        return Sent(None, event)
    if wrapped.type is msgspec.UNSET or wrapped.data is msgspec.UNSET:
        return Sent(None, event)
    return Sent(wrapped.type, bytes(wrapped.data))


def _lines(body: bytes, type: str | None, limit: int) -> list[Sent]:
    _check_number(body.count(b"\n") // 2, limit)  # or blank lines alone would fill the memory
    lines = [line for line in map(bytes.strip, body.split(b"\n")) if line]
    _check_number(len(lines), limit)
    if not any(map(_is_json, lines)):
        raise Refusal(400, "not_json", "no line of the body is JSON")
    if type is not None:
        return [Sent(type, line) for line in lines]
    return [_unwrap(line) if _is_json(line) else Sent(None, line) for line in lines]


def _is_json(line: bytes) -> bool:
    try:
        _value.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _check_values(body: bytes) -> None:
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        raise Refusal(
            413, "too_many_values", f"a body may have {MAX_VALUES} values: send smaller batches"
        )
