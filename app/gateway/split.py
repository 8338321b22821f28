"""From the bytes of a body to the bytes of each event in it."""

import msgspec
from aiohttp import hdrs, web

from app.core.once import PerEvent
from app.gateway.refusal import Refusal

JSON_TYPES = ("application/json",)
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
MAX_VALUES = 1_000_000
"""In one JSON array: its smallest elements take 30 times their size in memory."""


class Sent(PerEvent, frozen=True, gc=False):
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
        told = f"the body is not JSON, and nothing of it was taken: {error}{hint}"
        raise Refusal(400, "not_json", told) from None
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
