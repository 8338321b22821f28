"""From what a page says to an answer: the template, the headers, and what goes on every page."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from app.console.door import Door
from app.status.verdict import told

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
HOME = "/console"
ASSETS = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
DAY_SECONDS = 86_400
NAVIGATION = (
    ("", "Balance"),
    ("freshness", "Freshness"),
    ("loads", "Loads"),
    ("dead-letters", "Dead letters"),
    ("find", "Find an event"),
    ("catalogue", "Catalogue"),
)
# Nothing from elsewhere, nothing inline; `same-origin` so that forms say where they come from.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. `here` is the entry of the navigation it belongs to; after
    `again_seconds` the browser asks for it anew."""

    template: str
    title: str
    here: str
    said: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    again_seconds: int = 0


class Press:
    """Prints pages. One for a process: it keeps the compiled templates."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._assets = {name: (FOLDER / "assets" / name).read_bytes() for name in ASSETS}
        whole = hashlib.sha256(b"".join(self._assets.values()))
        self._version = whole.hexdigest()[:10]

    @cached_property
    def _jinja(self) -> "Environment":
        # Imported when the first page is asked for: a scheduler shall not start later for it.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        made = Environment(
            loader=FileSystemLoader(FOLDER / "pages"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        made.filters |= {"told": told}
        return made

    def print(self, request: web.Request, page: Page, began: float) -> web.Response:
        """`began`: when it was asked for, by `perf_counter`; the answer tells how long it took."""
        text = self._jinja.get_template(page.template).render(
            page=page,
            root=root_of(request.path),
            navigation=NAVIGATION,
            version=self._version,
            door=self._door.exists,
            inside=self._door.lets_in(request),
            stamp=self._door.stamp(request),
            **page.said,
        )
        taken = (perf_counter() - began) * 1_000
        response = web.Response(
            text=text,
            status=page.status,
            content_type="text/html",
            headers=HEADERS | {"Server-Timing": f"page;dur={taken:.1f}"},
        )
        response.enable_compression()
        return response

    def asset(self, name: str) -> web.Response:
        """A file of ours; its address changes with what is in it. Raises `HTTPNotFound`."""
        if name not in self._assets:
            raise web.HTTPNotFound
        kept = HEADERS | {"Cache-Control": f"public, max-age={DAY_SECONDS}, immutable"}
        response = web.Response(
            body=self._assets[name], content_type=ASSETS[name], charset="utf-8", headers=kept
        )
        response.enable_compression()
        return response


def root_of(path: str) -> str:
    """The way from a page to the console's first one, relative: a proxy may serve it elsewhere."""
    depth = path.removeprefix(HOME).count("/")
    return "console/" if depth == 0 else "../" * (depth - 1) or "./"
