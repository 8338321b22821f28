"""Who may send what: API keys, one or two per source, in a file that holds only their hashes.

A key is 256 random bits, so its SHA-256 is enough to keep: nobody guesses their way back to it, as
they do to a password, for which a slow hash (scrypt, argon2) is right. Here a slow one would cost
each request more than everything else that is done for it.
"""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from app.contracts.topic_yaml import Unreadable, read_yaml
from app.core.errors import ForebayError
from app.options import Options

PREFIX = "forebay_"
"""Of each key, so that who scans repositories and logs for secrets can tell one."""

ALGORITHM = "sha256:"
START_BYTES = 8

Hashed = Annotated[str, StringConstraints(pattern=f"^{ALGORITHM}[0-9a-f]{{64}}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]


class BadKeys(ForebayError):
    """The file of keys is not right. The text says where, and quotes nothing of it."""


class Entry(Options):
    """What the file says of one source."""

    keys: tuple[Hashed, ...] = Field(min_length=1, max_length=2)
    types: tuple[str, ...] | None = None
    events_per_second: float | None = Field(None, gt=0)
    bytes_per_second: float | None = Field(None, gt=0)


class KeysFile(Options):
    """The file as a whole."""

    sources: dict[Name, Entry] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Source:
    """An app that sends. `may_send` are names of event types; the limits per second are the file's,
    None where it names none."""

    name: str
    may_send: frozenset[str]
    events_per_second: float | None = None
    bytes_per_second: float | None = None


NOBODY: tuple[bytes, None] = (bytes(hashlib.sha256().digest_size), None)


class Keys:
    """The sources of one file, found by a key."""

    def __init__(self, file: KeysFile, apps: Mapping[str, str]) -> None:
        self.sources = [
            Source(
                name,
                frozenset(_allowed(name, entry, apps)),
                entry.events_per_second,
                entry.bytes_per_second,
            )
            for name, entry in file.sources.items()
        ]
        self._by_start: dict[bytes, tuple[bytes, Source | None]] = {}
        for source in self.sources:
            for key in file.sources[source.name].keys:
                digest = bytes.fromhex(key.removeprefix(ALGORITHM))
                self._by_start[digest[:START_BYTES]] = digest, source

    def source_of(self, key: bytes) -> Source | None:
        """Whose key this is; None: nobody's.

        The time of the look-up can tell how much of a hash's beginning agrees with a known one,
        and as nobody can choose a hash, that is worth nothing. What decides takes as long for
        each key.
        """
        digest = hashlib.sha256(key).digest()
        known, source = self._by_start.get(digest[:START_BYTES], NOBODY)
        return source if hmac.compare_digest(known, digest) else None


def read_keys(path: Path, apps: Mapping[str, str]) -> Keys:
    """Read a file of keys. `apps` has the app of each event type, by its name.

    Raises:
        BadKeys: it can not be read, or is not right.
    """
    try:
        content = read_yaml(path)
    except Unreadable as error:  # what it says may quote the line
        raise BadKeys(f"{path}: {error.where}: can not be read as YAML or JSON") from None
    try:
        file = KeysFile.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        said = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found]
        raise BadKeys("\n".join(said)) from None
    starts = Counter(
        key[: len(ALGORITHM) + 2 * START_BYTES]
        for entry in file.sources.values()
        for key in entry.keys
    )
    if twice := [start for start, number in starts.items() if number > 1]:
        raise BadKeys(f"{path}: a key is there twice, {twice[0]}…: each is of one source, once")
    return Keys(file, apps)


def _allowed(name: str, entry: Entry, apps: Mapping[str, str]) -> Iterator[str]:
    for event, app in apps.items():
        if entry.types is None:
            if app == name:
                yield event
        elif any(fnmatchcase(event, pattern) for pattern in entry.types):
            yield event


def new_key() -> str:
    """A key that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(key: str) -> str:
    """A key as the file has it."""
    return ALGORITHM + hashlib.sha256(key.encode()).hexdigest()
