"""The answer per event, and the HTTP status that sums them up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import Counter as PrometheusCounter

from app.core.errors import Reason, Rejected
from app.gateway.delivery import Placed, Unplaced
from app.gateway.verdicts import NotAllowed, Verdict
from app.metrics import GATEWAY_EVENTS, GATEWAY_WARNED

Answer = dict[str, Any]

ACCEPTED = "accepted"
REJECTED = "rejected"
RETRY = "retry"
FILTERED = "filtered"

AGAIN = (
    "Kafka did not acknowledge it in time: it may or may not be stored. "
    "Send it again unchanged; an event is counted once."
)


def answers(verdicts: Sequence[Verdict], places: Iterable[Placed | Unplaced]) -> Iterator[Answer]:
    """One answer per verdict. `places` has one place per verdict that has a record, in order."""
    placed = iter(places)
    for verdict in verdicts:
        yield _answer(verdict, next(placed) if verdict.record is not None else None)


def _answer(verdict: Verdict, place: Placed | Unplaced | None) -> Answer:
    if place is Unplaced.UNKNOWN:
        # A bad one as well: once it is stored, it is kept, and only then it may be forgotten.
        return {"status": RETRY, "message": AGAIN}
    rejected = verdict.rejected
    if place is Unplaced.TOO_LARGE and rejected is None:
        rejected = Rejected(Reason.TOO_LARGE, "Kafka takes no message of this size")
    kept = place if isinstance(place, Placed) else None
    answer: Answer = {"status": ACCEPTED} if rejected is None else _rejection(rejected)
    if rejected is not None:
        answer["kept"] = kept is not None
    elif verdict.warnings:
        answer["warnings"] = [{"field": w.field, "message": w.message} for w in verdict.warnings]
    if rejected is None and verdict.filtered is not None:
        answer[FILTERED] = verdict.filtered
    if kept is not None:
        answer |= {"topic": kept.topic, "partition": kept.partition}
        if kept.offset is not None:
            answer["offset"] = kept.offset
    return answer


def _rejection(rejected: Rejected | NotAllowed) -> Answer:
    answer = {"status": REJECTED, "reason": rejected.reason, "message": rejected.message}
    if rejected.field is not None:
        answer["field"] = rejected.field
    return answer


def summed_up(results: Sequence[Answer], *, good: int, retry_after: int) -> web.Response:
    """The response: `good` when all are accepted, 207 mixed, 422 all rejected, 503 when Kafka
    took none of those that it should have taken."""
    statuses = Counter(result["status"] for result in results)
    committed = statuses[ACCEPTED] or any(result.get("kept") for result in results)
    headers = {"Retry-After": str(retry_after)} if statuses[RETRY] else None
    if statuses[ACCEPTED] == len(results):
        status = good
    elif statuses[RETRY] and not committed:
        status = 503
    elif statuses[REJECTED] == len(results):
        status = 422
    else:
        status = 207
    return web.Response(
        status=status,
        body=orjson.dumps({"results": results}),
        content_type="application/json",
        headers=headers,
    )


def count(verdicts: Sequence[Verdict], results: Sequence[Answer]) -> None:
    """Count each answered event by type and verdict, and what accepted ones warn of."""
    labels = Counter(
        (verdict.event, _label(result)) for verdict, result in zip(verdicts, results, strict=True)
    )
    for (event, verdict), number in labels.items():
        _counter(event, verdict).inc(number)
    for judged, result in zip(verdicts, results, strict=True):
        for warned in judged.warnings if result["status"] == ACCEPTED else ():
            GATEWAY_WARNED[warned.kind].labels(judged.event, warned.field).inc(warned.times)


@cache  # looking a label up costs more than counting
def _counter(event: str, verdict: str) -> PrometheusCounter:
    return GATEWAY_EVENTS.labels(event, verdict)


def _label(result: Answer) -> str:
    return FILTERED if FILTERED in result else str(result.get("reason", result["status"]))
