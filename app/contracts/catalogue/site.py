"""The catalogue as static web pages: no server, no other host, a search that works from a disk."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template

from markdown_it import MarkdownIt
from markupsafe import escape

from app.contracts.catalogue.fields import told_fields
from app.contracts.catalogue.page import app_page, event_page, group_by_app, index_page
from app.contracts.model import Contract

ASSETS = ("style.css", "search.js")
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def site(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str]]:
    """Yield each file of the site: its path below the folder, and its text."""
    layout = Template(_asset("layout.html"))
    yield "index.html", _html(layout, "Events", index_page(contracts.values()), "")
    for app, its in group_by_app(contracts.values()).items():
        yield f"apps/{app}.html", _html(layout, app, app_page(app, its), "../")
        for contract in its:
            text = _html(layout, contract.event, event_page(contract), "../", contract.app)
            yield f"events/{contract.event}.html", text
    for name in ASSETS:
        yield name, _asset(name)
    yield "words.js", f"const WORDS = {_safe([_words(c) for c in contracts.values()])};\n"


def _html(layout: Template, title: str, markdown: str, root: str, app: str = "") -> str:
    above = f' / <a href="{root}apps/{app}.html">{escape(app)}</a>' if app else ""
    return layout.substitute(title=escape(title), root=root, above=above, body=rendered(markdown))


def rendered(markdown: str) -> str:
    """A page's Markdown as HTML; what stands in it as HTML is shown as text."""
    html: str = _markdown.render(markdown)
    return html


def _words(contract: Contract) -> dict[str, str]:
    """What a search finds an event type by."""
    told = told_fields(contract)
    words = [contract.event, contract.app, contract.summary, contract.table.name]
    words += [contract.owners.team, *(f"{one.sent} {one.about}" for one in told)]
    return {
        "event": contract.event,
        "app": contract.app,
        "summary": contract.summary,
        "words": " ".join(words).lower(),
    }


def _safe(value: object) -> str:
    """JSON that may stand inside a script."""
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text("utf-8")
