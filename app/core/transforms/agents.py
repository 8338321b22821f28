"""The step that reads what a browser says it is."""

from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Literal

from pydantic import Field

from app.core.transforms.columns import Columns, Landing, Options, Row, Source, Step, existing
from app.core.transforms.parts import Prefix, named

Part = Literal["family", "version", "os", "device"]
Read = Callable[[str], str | None]
MAX_PART = 256  # characters that land of what an agent says about itself
MAX_CACHED = 512  # characters; a longer header is read anew each time, so that memory stays flat
TOLD = {
    "family": "family of the browser, such as Firefox",
    "version": "version of the browser, such as 131.0",
    "os": "operating system, such as Android",
    "device": "kind of device, such as iPhone",
}


KINDS: dict[Part, str] = {
    "family": "user_agent",
    "version": "user_agent",
    "os": "os",
    "device": "device",
}


class UserAgent(Options):
    """Add columns with a browser's family, version, system and device by its User-Agent header.

    By the rules of the ua-parser project; what they do not know is null. What is found names no
    person, so it may be kept whatever was decided about the header. The rules for `device` take
    up to 40 MB of a process, the others up to 20 MB.
    """

    do: Literal["user_agent"]
    field: Source
    parts: tuple[Part, ...] = Field(min_length=1, description="A column for each.")
    prefix: Prefix = None

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field, "string")
        names = named(self.field, self.prefix, self.parts, columns)
        added = {
            name: Landing("string", True, f"The {TOLD[part]}, by {self.field}.", "keep", MAX_PART)
            for name, part in zip(names, self.parts, strict=True)
        }
        return {**columns, **added}

    def step(self, columns: Columns) -> Step:
        source = self.field
        names = named(source, self.prefix, self.parts, columns)
        wanted = [(name, _reader(part)) for name, part in zip(names, self.parts, strict=True)]

        def step(row: Row) -> None:
            value = row[source]
            for name, read in wanted:
                row[name] = None if value is None else read(value)

        return step


@cache
def _reader(part: Part) -> Read:
    """The function from a header to one part of it; a process has one for each part."""
    find, spell = _rules(KINDS[part]), _version if part == "version" else attrgetter("family")

    def read(header: str) -> str | None:
        found = find(header)
        return (spell(found) or "")[:MAX_PART] or None if found else None

    remember = lru_cache(maxsize=2_048)(read)
    return lambda header: (remember if len(header) <= MAX_CACHED else read)(header)


def _version(found: Any) -> str:
    numbers = (found.major, found.minor, found.patch, found.patch_minor)
    return ".".join(number for number in numbers if number)


@cache
def _rules(kind: str) -> Callable[[str], Any]:
    """One kind of rules, from a header to what the first that fits finds.

    Loaded for the first contract that asks for them. Rust's regex takes linear time, whatever a
    header says; what Python's could be made to do with these rules is another matter.
    """
    from ua_parser.core import Domain
    from ua_parser.loaders import load_lazy_builtins
    from ua_parser.regex import Resolver

    browsers, systems, devices = load_lazy_builtins()
    chosen = {
        "user_agent": (browsers, [], []),
        "os": ([], systems, []),
        "device": ([], [], devices),
    }
    resolve, domain = Resolver(chosen[kind]), Domain[kind.upper()]
    return lambda header: getattr(resolve(header, domain), kind)
