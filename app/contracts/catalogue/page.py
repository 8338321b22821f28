"""The catalogue's pages, in Markdown: of an event type, of an app, and of all of them."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from inspect import getdoc
from typing import Any

from app.contracts.catalogue.fields import told_fields
from app.contracts.catalogue.steps import told_options
from app.contracts.model import Contract, Example
from app.contracts.table import Table
from app.contracts.types import sql_type

MARK = "\0"  # stands in no event: text has no NUL
# by how the moment is sent; the quotes end and begin those of the whole body
NOW = {
    None: "\"'$(date -u +%FT%TZ)'\"",
    "seconds": "'$(date +%s)'",
    "milliseconds": "'$(date +%s)000'",
}


def event_page(contract: Contract) -> str:
    """Write the page of an event type: who, what, where, how to send it and how to query it."""
    parts = [
        f"# {contract.event} (v{contract.version})",
        _cell(contract.summary),
        _facts(contract),
        "## As sent\n\n" + _sent(contract),
        "## Send one\n\n" + _curl(contract),
        "## In the warehouse\n\n" + _landed(contract.table),
        "## Query it\n\n" + _query(contract.table),
        "## Examples\n\n" + _examples(contract),
    ]
    if contract.transform:
        parts.insert(5, "## What is done to it\n\n" + _transforms(contract))
    return "\n\n".join(parts)


def app_page(app: str, contracts: Sequence[Contract]) -> str:
    """Write the page of an app: its event types and whom to ask about them."""
    owners = dict.fromkeys(f"{c.owners.team}, {c.owners.chat}" for c in contracts)
    return "\n\n".join(
        [
            f"# {app}",
            f"Sends {len(contracts)} event types. Whom to ask: {'; '.join(map(_cell, owners))}.",
            _list(contracts, "../events/"),
        ]
    )


def index_page(contracts: Iterable[Contract]) -> str:
    """Write the first page: every app with its event types."""
    by_app = group_by_app(contracts)
    total = sum(map(len, by_app.values()))
    parts = [f"# Events\n\n{total} event types of {len(by_app)} apps."]
    for app, its in by_app.items():
        parts.append(f"## [{app}](apps/{app}.html)\n\n" + _list(its, "events/"))
    return "\n\n".join(parts)


def group_by_app(contracts: Iterable[Contract]) -> dict[str, list[Contract]]:
    """Sort contracts by app, and by name within."""
    by_app: dict[str, list[Contract]] = {}
    for contract in sorted(contracts, key=lambda c: (c.app, c.event)):
        by_app.setdefault(contract.app, []).append(contract)
    return by_app


def _list(contracts: Sequence[Contract], folder: str) -> str:
    rows = [
        (f"[{c.event}]({folder}{c.event}.html)", c.summary, f"`{c.table.name}`") for c in contracts
    ]
    return grid(("event type", "meaning", "table"), rows)


def _facts(contract: Contract) -> str:
    day, dedupe = contract.day, contract.dedupe
    late = "however late" if day.late_days == "any" else f"up to {day.late_days} days late"
    days = contract.warehouse.retention_days
    kept = f"; rows older than {days} days may be deleted" if days else ""
    within = f", {contract.freshness} behind at most" if contract.freshness else ""
    facts = {
        "Sent by": f"{contract.app}; POST it to `/v1/events/{contract.event}`",
        "Owners": f"{contract.owners.team}, {contract.owners.chat}",
        "Topic": f"`{contract.topic}`, {contract.partitions} partitions, "
        f"key `{contract.kafka.key}`, kept {contract.kafka.retention_days} days",
        "Table": f"`{contract.table.name}`, brought up to date {contract.load.schedule}"
        f"{within}{kept}",
        "One and the same": f"by {_code(dedupe.by)}; the {dedupe.keep} copy stands",
        "Day": f"of `{day.source}` in {day.timezone}; {late}, {day.early_minutes} minutes early"
        + ("; sent whole, in declared runs" if day.runs else ""),
    }
    return "\n".join(f"* **{name}**: {_cell(fact)}" for name, fact in facts.items())


def _sent(contract: Contract) -> str:
    rows = [
        (
            f"`{told.sent}`"
            + (f", column `{told.name}`" if told.name not in ("", told.sent) else ""),
            told.type,
            told.pii or "as sent",
            told.about,
        )
        for told in told_fields(contract)
    ]
    return grid(("field", "type", "personal data", "meaning"), rows)


def _curl(contract: Contract) -> str:
    """Written so that the shell makes it happen now: the example's own day is too late."""
    given = copy.deepcopy(next((e.given for e in contract.examples if e.lands), {}))
    field = contract.fields[contract.day.source]
    *way, last = field.way(contract.day.source)
    with suppress(KeyError, IndexError, TypeError):  # no example, or one that does not fit
        holder: Any = given
        for step in way:
            holder = holder[step]
        holder[last] = MARK
    now = NOW[getattr(field, "epoch", None)]
    body = json.dumps(given, ensure_ascii=False, indent=2).replace("'", "'\\''")
    body = body.replace(json.dumps(MARK), now)
    return (
        f"```sh\ncurl -i localhost:8080/v1/events/{contract.event} "
        f"-H 'content-type: application/json' -d '{body}'\n```"
    )


def _transforms(contract: Contract) -> str:
    rows = []
    for transform in contract.transform:
        does = (getdoc(type(transform)) or "").split("\n\n")[0]
        rows.append((f"`{transform.do}`", told_options(transform), does))
    return grid(("step", "with", "what it does"), rows)


def _landed(table: Table) -> str:
    rows = [
        (
            f"`{c.name}`",
            sql_type(c, "snowflake"),
            sql_type(c, "duckdb"),
            "yes" if c.nullable else "",
            c.comment,
        )
        for c in table.columns
    ]
    return grid(("column", "Snowflake", "DuckDB", "may be null", "meaning"), rows)


def _query(table: Table) -> str:
    columns = ", ".join(c.name for c in table.columns if not c.name.startswith("_"))
    return (
        "```sql\n-- events of the last week, by day\n"
        f"SELECT day, count(*) AS events FROM {table.name}\n"
        "WHERE day >= current_date - 7 GROUP BY day ORDER BY day;\n\n"
        f"-- the newest rows\nSELECT {columns}\nFROM {table.name}\n"
        "WHERE day >= current_date - 1 ORDER BY _received_at DESC LIMIT 100;\n```"
    )


def _examples(contract: Contract) -> str:
    parts = []
    for example in contract.examples:
        given = json.dumps(example.given, indent=2, ensure_ascii=False)
        parts.append(f"**{_cell(example.name)}** {_outcome(example)}\n\n```json\n{given}\n```")
    return "\n\n".join(parts)


def _outcome(example: Example) -> str:
    if example.rejected is not None:
        field = f", field `{example.rejected.field}`" if example.rejected.field else ""
        return f"is rejected: {example.rejected.reason}{field}"
    said: Mapping[str, object] = example.model_dump(
        exclude={"name", "given", "received_at", "rejected"}, exclude_none=True
    )
    (outcome,) = said.values()
    return f"lands: `{json.dumps(outcome, ensure_ascii=False)}`"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
