"""Declared runs at the front door: opened, filled, closed; and what is refused."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ulid import ULID

from app.core.errors import Transient
from app.core.headers import RUN
from app.core.judge import EventType
from app.core.reruns import Counted, DeclaredRun
from app.core.seal import DayCounts, ObjectKind, StoredObject, object_key
from app.gateway import reruns
from app.gateway.keys import hashed, new_key
from app.kafka import KafkaOptions
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from tests.gateway.orders import Answer, Client, opened, order, order_type, record_at
from tests.ledger.examples import load, new_id, seal, span, start

TYPE = "order_placed"
PATH = f"/v1/events/{TYPE}"
TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SQLiteLedger]:
    made = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    yield made
    await made.close()


@pytest.fixture
async def client(nowhere: KafkaOptions, ledger: SQLiteLedger) -> AsyncIterator[Client]:
    """A gateway without Kafka: runs need none."""
    kinds = (order_type(TYPE, runs=True), order_type("page_seen"))
    async with opened(nowhere, *kinds, ready=False, ledger=ledger, max_body_bytes=10_000) as made:
        yield made


async def open_run(client: Client, **more: Any) -> str:
    answer = await client.post("/v1/runs", {"type": TYPE, "day": TODAY} | more)
    assert answer.status == 201, answer.body
    found: str = answer.json["id"]
    return found


async def test_a_run_is_opened_closed_and_looked_at(client: Client) -> None:
    answer = await client.post("/v1/runs", {"type": TYPE, "day": TODAY})
    run = answer.json
    assert (answer.status, run["type"], run["day"], run["state"]) == (201, TYPE, TODAY, "open")
    assert run["id"].startswith(f"{TODAY}.")
    assert (await client.get(f"/v1/runs/{run['id']}")).json == run
    for _ in range(2):
        closed = await client.post(f"/v1/runs/{run['id']}/close", {"expected": 12})
        assert (closed.status, closed.json["state"]) == (200, "closed")
        assert closed.json["expected"] == 12
    other = await client.post(f"/v1/runs/{run['id']}/close", {"expected": 13})
    assert (other.status, other.json["error"]) == (409, "run_not_open")
    assert "12" in other.json["message"]


async def test_what_it_must_have_may_be_said_when_it_is_opened(client: Client) -> None:
    run = await open_run(client, expected=3)
    closed = await client.post(f"/v1/runs/{run}/close", b"")
    assert (closed.status, closed.json["expected"]) == (200, 3)
    silent = await open_run(client)
    assert (await client.post(f"/v1/runs/{silent}/close", {})).json["error"] == "no_count"


async def test_no_run_is_opened_or_closed_of_a_day_that_can_not_be_made_again(
    client: Client, ledger: SQLiteLedger
) -> None:
    run, closed = await open_run(client), await open_run(client)
    assert (await client.post(f"/v1/runs/{closed}/close", {"expected": 1})).status == 200
    day = date.fromisoformat(TODAY)
    sealed = await seal_rows(ledger, day, {"": 1})
    await ledger.record_load([load(day, 1, [sealed])])
    await ledger.summarise([sealed], datetime.now(UTC))
    closing = (f"/v1/runs/{run}/close", {"expected": 1})
    for path, body in (("/v1/runs", {"type": TYPE, "day": TODAY}), closing):
        answer = await client.post(path, body)
        assert (answer.status, answer.json["error"]) == (409, "day_summarised"), path
    assert (await client.get(f"/v1/runs/{run}")).json["state"] == "open"
    assert (await client.post(f"/v1/runs/{closed}/close", {"expected": 1})).status == 200
    assert (await client.post(f"/v1/runs/{run}/abandon", {})).status == 200


async def test_a_run_is_given_up_and_a_complete_one_is_not(
    client: Client, ledger: SQLiteLedger
) -> None:
    run, complete = await open_run(client), await open_run(client)
    gone = await client.post(f"/v1/runs/{run}/abandon", {})
    assert (gone.status, gone.json["state"]) == (200, "abandoned")
    assert (await client.post(f"/v1/runs/{run}/close", {"expected": 1})).status == 409
    await client.post(f"/v1/runs/{complete}/close", {"expected": 1})
    await ledger.count_reruns([Counted(complete, 1, frozenset({"S1"}))])
    kept = await client.post(f"/v1/runs/{complete}/abandon", {})
    assert (kept.status, kept.json["error"]) == (409, "run_complete")
    later = await open_run(client)
    await client.post(f"/v1/runs/{later}/close", {"expected": 1})
    await ledger.count_reruns([Counted(later, 1, frozenset({"S1"}))])
    assert (await client.get(f"/v1/runs/{complete}")).json["state"] == "superseded"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"type": "order_placd", "day": TODAY}, 404, "unknown_event"),
        ({"type": "page_seen", "day": TODAY}, 409, "no_runs"),
        ({"day": TODAY}, 400, "type: Field required"),
        ({"type": TYPE}, 400, "day: Field required"),
        ({"type": TYPE, "day": "yesterday"}, 400, "day: "),
        ({"type": TYPE, "day": "20260301"}, 400, "day: "),
        ({"type": TYPE, "day": 20260301}, 400, "day: "),
        ({"type": TYPE, "day": "2026-02-30"}, 400, "day: "),
        ({"type": TYPE, "day": TODAY, "expected": -1}, 400, "expected: "),
        ({"type": TYPE, "day": TODAY, "expected": True}, 400, "expected: "),
        ({"type": TYPE, "day": TODAY, "expected": "7"}, 400, "expected: "),
        ({"type": TYPE, "day": TODAY, "rows": 7}, 400, "rows: "),
        ([], 400, "body: "),
        (b"{", 400, "body: "),
        (b"[" + b" " * 20_000 + b"]", 413, "body_too_large"),
    ],
)
async def test_what_is_no_run_is_not_opened(
    client: Client, body: Any, status: int, word: str
) -> None:
    answer = await client.post("/v1/runs", body)
    assert answer.status == status, answer.body
    assert answer.json["error" if status != 400 else "message"].startswith(word)


async def seal_rows(ledger: SQLiteLedger, day: date, rows: dict[str, int]) -> str:
    """One seal with rows of some runs; return its id."""
    id, total = new_id(), sum(rows.values())
    sealed = seal(span(0, total), days={day: DayCounts(staged=total)}, id=id)
    kept = ObjectKind.ROWS
    objects = [
        StoredObject(day, kept, object_key(kept, TYPE, 1, day, id, run), count, 10, "5ha", "e7ag")
        for run, count in rows.items()
    ]
    await ledger.start_chains([start()])
    await ledger.record(replace(sealed, objects=tuple(objects)))
    return id


async def test_the_runs_of_a_day_are_listed_with_what_is_sealed_and_which_is_shown(
    client: Client, ledger: SQLiteLedger
) -> None:
    await open_run(client, day="2026-03-01")
    old, shown, new = await open_run(client), await open_run(client), await open_run(client)
    sealed = await seal_rows(ledger, date.fromisoformat(TODAY), {old: 1, shown: 3, new: 2})
    for run, rows in ((old, 1), (shown, 3)):
        await client.post(f"/v1/runs/{run}/close", {"expected": rows})
        await ledger.count_reruns([Counted(run, rows, frozenset({sealed}))])
    answer = await client.get(f"/v1/runs?type={TYPE}&day={TODAY}")
    assert answer.status == 200
    assert [
        (run["id"], run["state"], run["expected"], run["sealed"], run["shown"])
        for run in answer.json["runs"]
    ] == [
        (old, "superseded", 1, 1, False),
        (shown, "complete", 3, 3, True),
        (new, "open", None, 2, False),
    ]
    for run in answer.json["runs"]:
        assert (await client.get(f"/v1/runs/{run['id']}")).json.items() < run.items()
    nothing = await client.get(f"/v1/runs?type={TYPE}&day=2026-03-02")
    assert (nothing.status, nothing.json) == (200, {"runs": []})


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        (f"type=order_placd&day={TODAY}", 404, "unknown_event"),
        (f"type=page_seen&day={TODAY}", 409, "no_runs"),
        (f"day={TODAY}", 400, "type: Field required"),
        (f"type={TYPE}", 400, "day: Field required"),
        (f"type={TYPE}&day=yesterday", 400, "day: "),
        (f"type={TYPE}&day=20260301", 400, "day: "),
        (f"type={TYPE}&day={TODAY}&state=open", 400, "state: "),
    ],
)
async def test_what_is_no_day_of_a_type_with_runs_is_not_listed(
    client: Client, query: str, status: int, word: str
) -> None:
    answer = await client.get(f"/v1/runs?{query}")
    assert answer.status == status, answer.body
    assert answer.json["error" if status != 400 else "message"].startswith(word)


async def test_a_run_that_nobody_opened_is_unknown(client: Client) -> None:
    for path in ("/v1/runs/x", f"/v1/runs/{TODAY}.{'0' * 26}"):
        assert (await client.get(path)).json["error"] == "unknown_run"
        for verb in ("close", "abandon"):
            answer = await client.post(f"{path}/{verb}", {"expected": 1})
            assert (answer.status, answer.json["error"]) == (404, "unknown_run")


async def test_without_a_ledger_nobody_can_open_a_run(nowhere: KafkaOptions) -> None:
    async with opened(nowhere, order_type(TYPE, runs=True), ready=False) as client:
        answer = await client.post("/v1/runs", {"type": TYPE, "day": TODAY})
        assert (answer.status, answer.json["error"]) == (503, "runs_off")
        assert "GATEWAY__RUNS" in answer.json["message"]


async def test_runs_of_other_apps_are_not_theirs_to_open_or_close(
    nowhere: KafkaOptions, ledger: SQLiteLedger, tmp_path: Path
) -> None:
    keys = {"shop": new_key(), "help": new_key()}
    file = tmp_path / "keys.yaml"
    file.write_text(
        yaml.safe_dump({"sources": {name: {"keys": [hashed(key)]} for name, key in keys.items()}})
    )
    kinds = (order_type(TYPE, runs=True), order_type("page_opened", runs=True))
    apps = {TYPE: "shop", "page_opened": "help"}
    async with opened(
        nowhere, *kinds, ready=False, apps=apps, keys_file=str(file), ledger=ledger
    ) as client:

        async def said(path: str, body: Any, app: str) -> int:
            return (await client.post(path, body, X_Api_Key=keys[app])).status

        run = DeclaredRun(f"{TODAY}.{ULID()}", TYPE, datetime.now(UTC))
        await ledger.open_rerun(run)
        for path, body in (
            ("/v1/runs", {"type": TYPE, "day": TODAY}),
            (f"/v1/runs/{run.id}/close", {"expected": 0}),
            (f"/v1/runs/{run.id}/abandon", {}),
        ):
            assert await said(path, body, "help") == 403
            assert await ledger.reruns(TYPE) == [run]
        for app, status in (("help", 403), ("shop", 200)):
            day, mine = f"/v1/runs?type={TYPE}&day={TODAY}", {"X-Api-Key": keys[app]}
            async with client.http.get(client.running.url + day, headers=mine) as answer:
                assert answer.status == status
        assert await said(f"/v1/runs/{run.id}/close", {"expected": 0}, "shop") == 200


class Away(SQLiteLedger):
    """A ledger that can not be reached."""

    async def ping(self) -> None:
        raise Transient("mongodb://user:secret@host is away")


async def test_a_ledger_that_is_away_is_told_and_no_event_is_taken(
    kafka: KafkaOptions, tmp_path: Path
) -> None:
    away = Away.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    async with opened(kafka, order_type(TYPE, runs=True), ledger=away) as client:
        for path, body in ((PATH, order()), ("/v1/runs", {"type": TYPE, "day": TODAY})):
            answer = await client.post(path, body, X_Forebay_Run=f"{TODAY}.{'0' * 26}")
            assert (answer.status, answer.json["error"]) == (503, "runs_unavailable")
            assert answer.headers["Retry-After"]
            assert b"secret" not in answer.body


@pytest.fixture
def kind() -> EventType:
    return order_type(TYPE, runs=True)


async def post(client: Client, run: str | None, *events: dict[str, Any]) -> Answer:
    headers = {} if run is None else {"X_Forebay_Run": run}
    return await client.post(PATH, list(events), **headers)


async def test_events_travel_with_the_run_they_were_sent_in(
    kafka: KafkaOptions, ledger: SQLiteLedger, kind: EventType
) -> None:
    async with opened(kafka, kind, order_type("page_seen"), ledger=ledger) as client:
        run = await open_run(client)
        taken = await post(client, run, order("A"), order("B"))
        assert (taken.status, taken.statuses) == (202, ["accepted"] * 2)
        for result in taken.results:
            record = await record_at(kafka, result)
            assert dict(record.headers)[RUN] == run.encode()
        astray = await client.post("/v1/events/page_seen", order(), X_Forebay_Run=run)
        assert (astray.status, astray.json["error"]) == (409, "no_runs")


async def test_each_event_is_told_when_it_is_in_no_run_or_of_another_day(
    kafka: KafkaOptions, ledger: SQLiteLedger, kind: EventType
) -> None:
    async with opened(kafka, kind, ledger=ledger) as client:
        run = await open_run(client)
        mixed = await post(client, run, order("A"), order("B", days_ago=2))
        assert (mixed.status, mixed.statuses) == (207, ["accepted", "rejected"])
        assert mixed.results[1]["reason"] == "run"
        assert mixed.results[1]["kept"]
        lone = await post(client, None, order("C"))
        assert (lone.status, lone.results[0]["reason"]) == (422, "run")
        assert "POST /v1/runs" in lone.results[0]["message"]
        envelope = {"events": [{"type": TYPE, "data": order()}]}
        refused = await client.post("/v1/events", envelope, X_Forebay_Run=run)
        assert (refused.status, refused.json["error"]) == (400, "run_without_type")
        valid = await client.post(f"/v1/validate/{TYPE}", order(), X_Forebay_Run=run)
        assert (valid.status, valid.statuses) == (200, ["accepted"])


async def test_events_of_a_run_that_is_not_open_are_refused_whole(
    kafka: KafkaOptions, ledger: SQLiteLedger, kind: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        opened(kafka, kind, ledger=ledger) as client,
        opened(kafka, kind, ledger=ledger) as other,
    ):
        run, given_up = await open_run(client), await open_run(client)
        assert (await post(client, run, order())).status == 202
        await client.post(f"/v1/runs/{run}/close", {"expected": 1})
        await client.post(f"/v1/runs/{given_up}/abandon", {})
        for which in (run, given_up):
            refused = await post(client, which, order())
            assert (refused.status, refused.json["error"]) == (409, "run_not_open")
        unknown = await post(client, f"{TODAY}.{'0' * 26}", order())
        assert (unknown.status, unknown.json["error"]) == (404, "unknown_run")
        assert (await post(other, run, order())).status == 409  # it never knew it as open
        monkeypatch.setattr(reruns, "KNOWN_SECONDS", 0)
        later = await open_run(client)
        assert (await post(other, later, order())).status == 202
        await client.post(f"/v1/runs/{later}/close", {"expected": 1})
        assert (await post(other, later, order())).status == 409
