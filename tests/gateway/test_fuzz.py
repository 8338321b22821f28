"""Any bytes in: one verdict for each event out, or one refusal for all, and never an error of ours.

The real contracts and the real parser; only HTTP and Kafka are left out.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.load import load_contracts
from app.core.errors import Reason
from app.gateway.answers import answers
from app.gateway.body import decompressed
from app.gateway.delivery import Placed
from app.gateway.refusal import Refusal
from app.gateway.split import Sent, split
from app.gateway.verdicts import Verdict, judged
from tests.gateway.orders import Client, order

TOPICS = Path(__file__).parents[2] / "topics"
CONTRACTS = load_contracts(TOPICS)
KINDS = {c.event: compile_contract(c, b"k" * 32) for c in CONTRACTS.values()}
GIVEN = [
    (c.event, orjson.dumps(example.given)) for c in CONTRACTS.values() for example in c.examples
]
LIMIT = 50
NOW_MS = 1_772_500_000_000  # when most examples are neither too late nor too early
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
JSON, NDJSON = "application/json", "application/x-ndjson"
FUZZ = settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

names = st.sampled_from([*KINDS, "no_such_type", "", "\x00"])
odd = st.sampled_from(
    [
        *(b"1e999", b"-0", b"1" * 400, b"NaN", b"true", b"null", b'""', b"[]", b"{}", b"0.1e-400"),
        *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"', b"[" * 600 + b"]" * 600),
        *(b'{"a":' * 400 + b"1" + b"}" * 400, b'"9999-12-31T23:59:60Z"', b'"0000-00-00"'),
    ]
)


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, bytes]:
    """An example of a topic file, with other values, without fields, or with broken bytes."""
    event, given_bytes = draw(st.sampled_from(GIVEN))
    fields = orjson.loads(given_bytes)
    texts = {name: orjson.dumps(value) for name, value in fields.items()}
    for name in draw(st.lists(st.sampled_from(sorted(texts)), max_size=3)) if texts else ():
        texts[name] = draw(odd)
    kept = [name for name in texts if draw(st.integers(0, 9))]
    doubled = kept + (kept[:1] if draw(st.booleans()) else [])
    raw = b"{" + b",".join(orjson.dumps(name) + b":" + texts[name] for name in doubled) + b"}"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 3)) :]
    return event, raw


def all_of(work: Any) -> Any:
    """The result of a coroutine that waits for nothing but its turn."""
    return asyncio.run(work)


@contextmanager
def refusals_of(*statuses: int) -> Iterator[None]:
    """What is inside may be refused with one of these, and with nothing else."""
    refused: Refusal | None = None
    try:
        yield
    except Refusal as refusal:
        refused = refusal
    assert refused is None or refused.status in statuses


def split_or_refused(body: bytes, type: str | None, content_type: str) -> list[Sent]:
    """The events; none where the body as a whole was refused, for a reason of the sender's."""
    request = make_mocked_request("POST", "/v1/events", {"Content-Type": content_type})
    with refusals_of(400, 413):
        return split(request, body, type, LIMIT)
    return []


def one_answer_each(sent: Sequence[Sent]) -> list[dict[str, Any]]:
    verdicts: list[Verdict] = all_of(judged(KINDS, sent, NOW_MS))
    assert len(verdicts) == len(sent)
    places = [Placed("t", 0, n) for n, v in enumerate(v for v in verdicts if v.record is not None)]
    results = list(answers(verdicts, places))
    assert len(results) == len(sent)
    for result in results:
        assert result["status"] in ("accepted", "rejected")
        if result["status"] == "rejected":
            assert result["reason"] in set(Reason)
            assert result["message"]
    orjson.dumps(results)
    return results


@given(body=st.binary(max_size=300), type=st.none() | names, ndjson=st.booleans())
@FUZZ
def test_any_bytes_are_judged_or_refused(body: bytes, type: str | None, ndjson: bool) -> None:
    one_answer_each(split_or_refused(body, type, NDJSON if ndjson else JSON))


@given(made=mutants())
@FUZZ
def test_any_event_of_any_type_gets_one_verdict(made: tuple[str, bytes]) -> None:
    event, raw = made
    sent = [Sent(event, raw)]
    results = one_answer_each(sent)
    assert one_answer_each(sent) == results


@given(made=st.lists(mutants(), min_size=1, max_size=6))
@FUZZ
def test_lines_in_are_answers_out_by_number(made: list[tuple[str, bytes]]) -> None:
    body = b"\n".join(raw.replace(b"\n", b"") for _, raw in made)
    lines = body.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    expected = [line for line in map(bytes.strip, lines) if line]
    sent = split_or_refused(body, made[0][0], NDJSON)
    if sent:
        assert [one.raw for one in sent] == expected
        one_answer_each(sent)
    else:
        assert not any(is_json(line) for line in expected)


@given(made=st.lists(mutants(), min_size=1, max_size=6), wrapped=st.booleans())
@FUZZ
def test_elements_in_are_answers_out_by_number(
    made: list[tuple[str, bytes]], wrapped: bool
) -> None:
    if wrapped:
        elements = [b'{"type":"%b","data":%b}' % (event.encode(), raw) for event, raw in made]
        body, type = b'{"events":[' + b",".join(elements) + b"]}", None
    else:
        body, type = b"[" + b",".join(raw for _, raw in made) + b"]", made[0][0]
    sent = split_or_refused(body, type, JSON)
    one_answer_each(sent)
    if sent and all(is_json(raw) for _, raw in made):
        assert len(sent) == len(made)
        assert {one.type for one in sent} == ({e for e, _ in made} if wrapped else {type})


@given(
    body=st.binary(max_size=200),
    encoding=st.sampled_from(["gzip", "zstd"]),
    start=st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]),
)
@FUZZ
def test_any_bytes_are_decompressed_within_the_limit_or_refused(
    body: bytes, encoding: str, start: bytes
) -> None:
    with refusals_of(400, 413):
        assert len(decompressed(start + body, encoding, 1_000)) <= 1_000


def is_json(raw: bytes) -> bool:
    """As Python reads it, a judge of its own; but for its NaN, and halves of characters."""
    try:
        json.dumps(json.loads(raw.decode(), parse_constant=_refuse), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


@pytest.mark.parametrize("content_type", [JSON, NDJSON])
@pytest.mark.parametrize("path", ["/v1/validate", "/v1/validate/order_placed"])
async def test_through_http_no_bytes_are_an_error_of_ours(
    alone: Client, path: str, content_type: str
) -> None:
    good = orjson.dumps(order())
    for at in range(0, len(good), 3):
        for piece in (b"", b"\x00", b"\xff", b'"', b"}", b"[" * 1_200, b"1e400"):
            body = good[:at] + piece + good[at + 1 :]
            answer = await alone.post(path, body, Content_Type=content_type)
            assert answer.status in (200, 207, 400, 413, 422), body
            assert answer.status != 400 or answer.json["error"]
