"""The catalogue: each event type as its topic file tells it."""

from collections.abc import Mapping

from aiohttp import web
from markupsafe import Markup

from app.console.cells import Cell, span
from app.console.data import Data
from app.console.kinds import Kind
from app.console.listing import Column, Query, listed
from app.console.page import Page
from app.contracts.catalogue.page import event_page

DEFAULTS = {"q": "", "sort": "type", "dir": "asc"}


async def catalogue_page(data: Data, given: Mapping[str, str]) -> Page:
    """All types."""
    query = Query(DEFAULTS, given)
    kinds = list(data.kinds.values())
    table = listed("Event types", kinds, COLUMNS, query, lambda kind: kind.words)
    apps = len({kind.app for kind in kinds})
    return Page(
        "catalogue.html", "Catalogue", "catalogue", {"query": query, "table": table, "apps": apps}
    )


async def entry_page(data: Data, event: str) -> Page:
    """One type: fields, transforms, table, queries, examples. Raises `HTTPNotFound`."""
    from app.contracts.catalogue.site import rendered

    if event not in data.kinds:
        raise web.HTTPNotFound
    html = rendered(event_page(data.kinds.contract(event)))
    for tag in ("table", "pre"):  # they scroll sideways, by the keyboard too
        html = html.replace(f"<{tag}>", f'<{tag} tabindex="0">')
    body = Markup(html)
    return Page("entry.html", event, "catalogue", {"event": event, "body": body})


COLUMNS: list[Column[Kind]] = [
    Column("type", "Event type", lambda kind: Cell(kind.event, f"catalogue/{kind.event}",
           more=f"v{kind.version}"), lambda kind: kind.event),
    Column("app", "App", lambda kind: Cell(kind.app, f"catalogue?q={kind.app}"),
           lambda kind: kind.app),
    Column("summary", "Meaning", lambda kind: Cell(kind.summary), lambda kind: kind.summary),
    Column("table", "Table", lambda kind: Cell(kind.table.name, tone="code"),
           lambda kind: kind.table.name),
    Column("owner", "Ask", lambda kind: Cell(kind.team, more=kind.chat), lambda kind: kind.team),
    Column("every", "Loaded every", lambda kind: Cell(kind.every), None, True),
    Column("objective", "Objective", lambda kind: span(kind.objective),
           lambda kind: kind.objective, True, "`freshness` in the topic file"),
]  # fmt: skip
