"""What every response has: a request id, a JSON body that says what to do, a count."""

import itertools
import re
import traceback
from functools import cache

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from loguru import logger
from multidict import istr
from prometheus_client import Counter
from ulid import ULID

from app import spans
from app.core.headers import TRACEPARENT, trace_id
from app.gateway.cors import Cors
from app.gateway.door import Door
from app.gateway.guard import GUARDED, SOURCE, Guard
from app.gateway.refusal import Refusal
from app.logs import REQUEST, TRACE
from app.metrics import GATEWAY_REFUSED, GATEWAY_REQUESTS
from app.redaction import cause_of

REQUEST_ID = "X-Request-Id"
TRACEPARENT_HEADER = istr(TRACEPARENT)
PARENT = web.RequestKey("traceparent", bytes)

_fit_for_a_log = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII).fullmatch


# A ULID for each request would cost as much as its verdict.
_process = str(ULID())[:16]
_number = itertools.count()


def request_id(given: str) -> str:
    """The one that was given, if it is fit for a log, or a new one: this process, and a number."""
    if given and _fit_for_a_log(given):
        return given
    return f"{_process}{next(_number):010X}"


def _traceparent(request: web.Request) -> bytes | None:
    """The trace that a request is part of, as it is to be handed on; None if it names none."""
    given = request.headers.get(TRACEPARENT_HEADER)
    if given is None:
        return None
    parent = given.encode("latin-1", "replace")
    return parent if trace_id(parent) is not None else None


@cache
def _counter(status: int) -> Counter:
    return GATEWAY_REQUESTS.labels(str(status))


def middleware(door: Door, guard: Guard | None = None, cors: Cors | None = None) -> Middleware:
    """Wrap each handler; `door` tells when connections should not be kept, `guard` who may ask,
    `cors` from which pages."""
    for alarming in (429, 500, 503):  # a first one shows as a rise only if there was a 0 before
        _counter(alarming)

    @web.middleware
    async def wrapped(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = request_id(request.headers.get(REQUEST_ID, ""))
        REQUEST.set(name)  # never reset: aiohttp gives each request a task, and so a context
        if (parent := _traceparent(request)) is not None:
            TRACE.set(trace_id(parent))
            request[PARENT] = parent
        response: web.StreamResponse | None = None
        if cors is not None:
            response = cors.preflight(request)
        if response is None and spans.on:
            response = await _traced(request, handler, guard, parent)
        elif response is None:
            response = await _answered(request, handler, guard)
        if cors is not None:
            response.headers.update(cors.headers(request.headers.get(hdrs.ORIGIN)))
        response.headers[REQUEST_ID] = name
        if door.shut:
            response.force_close()
        if request.path.startswith(GUARDED):
            _counter(response.status).inc()
        return response

    return wrapped


async def _traced(
    request: web.Request, handler: Handler, guard: Guard | None, parent: bytes | None
) -> web.StreamResponse:
    resource = request.match_info.route.resource
    name = resource.canonical if resource is not None else "nowhere"
    with spans.job("http.server", f"{request.method} {name}", (parent or b"").decode()):
        return await _answered(request, handler, guard)


async def _answered(
    request: web.Request, handler: Handler, guard: Guard | None
) -> web.StreamResponse:
    try:
        if guard is not None and request.path.startswith(GUARDED):
            request[SOURCE] = guard.admitted(request)
        return await handler(request)
    except Refusal as refusal:
        GATEWAY_REFUSED.labels(refusal.error).inc()
        return refusal.response()
    except web.HTTPException as error:
        return _in_json(request, error)
    except (web.RequestPayloadError, ConnectionError):
        return Refusal(400, "broken_body", "the body ended before it was complete").response()
    except Exception as error:
        # Only where it happened: the text of an error may quote the event.
        where = "".join(traceback.format_tb(error.__traceback__))
        bug = logger.bind(where=where, job="answering a request", cause=cause_of(error))
        bug.error("{} while answering a request", type(error).__name__)
        return Refusal(
            500, "bug", f"this is a fault of the gateway, see its log by the {REQUEST_ID}"
        ).response()


def _in_json(request: web.Request, error: web.HTTPException) -> web.Response:
    advice = {
        404: "there is nothing at this path; POST to /v1/events/{type}, or read /docs",
        405: f"{request.method} is not possible here; read /docs",
    }
    refusal = Refusal(
        error.status, error.reason.lower().replace(" ", "_"), advice.get(error.status, error.reason)
    )
    if hdrs.ALLOW in error.headers:
        refusal.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    return refusal.response()
