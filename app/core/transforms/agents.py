"""The step that reads what a browser says it is."""

from collections.abc import Callable
from functools import cache, lru_cache
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


class UserAgent(Options):
    """Add columns with a browser's family, version, system and device by its User-Agent header.

    By the rules of the ua-parser project; what they do not know is null. What is found names no
    person, so it may be kept whatever was decided about the header.
    """

    do: Literal["user_agent"]
    field: Source
    parts: tuple[Part, ...] = Field(min_length=1)
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
    find = FINDERS[part]

    def read(header: str) -> str | None:
        return (find(header) or "")[:MAX_PART] or None

    remember = lru_cache(maxsize=2_048)(read)
    return lambda header: (remember if len(header) <= MAX_CACHED else read)(header)


def _family(header: str) -> str | None:
    found = _rules("user_agent")(header)
    return found.family if found else None


def _version(header: str) -> str | None:
    found = _rules("user_agent")(header)
    numbers = (found.major, found.minor, found.patch, found.patch_minor) if found else ()
    return ".".join(number for number in numbers if number)


def _system(header: str) -> str | None:
    found = _rules("os")(header)
    return found.family if found else None


def _device(header: str) -> str | None:
    found = _rules("device")(header)
    return found.family if found else None


FINDERS: dict[Part, Read] = {
    "family": _family,
    "version": _version,
    "os": _system,
    "device": _device,
}


@cache
def _rules(kind: str) -> Callable[[str], Any]:
    """One kind of rules, from a header to what the first that fits finds.

    Loaded when the first contract asks for them: those of browsers and systems take up to 20 MB,
    those of devices twice as much. Rust's regex takes linear time, whatever a header says.
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
