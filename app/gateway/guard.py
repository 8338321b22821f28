"""At each request below `/v1/`: whose key is it, and may they send this?

On for all paths below `/v1/`, also for those that are added later: the middleware asks `admitted`
before any handler, which finds the source in `request.get(SOURCE)` (None: no keys are in use).
"""

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from aiohttp import hdrs, web
from loguru import logger

from app.core.errors import Fatal
from app.gateway.keys import BadKeys, Source, read_keys
from app.gateway.limits import Limits
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal
from app.health import Readiness

SOURCE = web.RequestKey("source", Source)
KEY_HEADER = "X-Api-Key"
GUARDED = "/v1/"
LOOK_SECONDS = 2.0
"""How often the file is looked at. A mounted secret takes up to a minute to change anyway."""

_bearer = re.compile(r"bearer[ \t]+(\S+)", re.IGNORECASE).fullmatch


class Guard:
    """The keys in use now: those of the file as it was last right."""

    def __init__(
        self, path: Path, apps: Mapping[str, str], limits: Limits, readiness: Readiness
    ) -> None:
        """Raises `Fatal` when the file is not right: there is none before it to go on with."""
        self.limits = limits
        self._path = path
        self._apps = apps
        self._readiness = readiness
        self._seen = _look(path)
        try:
            self._keys = read_keys(path, apps)
        except BadKeys as error:
            raise Fatal(f"GATEWAY__KEYS_FILE is not right.\n{error}") from error
        self._tell()

    def source_of(self, key: bytes) -> Source | None:
        return self._keys.source_of(key)

    def admitted(self, request: web.Request) -> Source:
        """Whose request this is. Raises `Refusal` 401, or 403 for a type in the path that they may
        not send (an unknown one is for the handler to tell)."""
        source = self._keys.source_of(key_in(request))
        if source is None:
            raise unauthorized()
        type = request.match_info.get("type")
        if type is not None and type in self._apps and type not in source.may_send:
            raise Refusal(403, "type_not_allowed", not_allowed(source))
        return source

    async def watch(self) -> None:
        """Read the file again whenever it has changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            seen = await asyncio.to_thread(_look, self._path)
            if seen != self._seen:
                self._seen = seen
                await self._read()

    async def _read(self) -> None:
        try:
            self._keys = await asyncio.to_thread(read_keys, self._path, self._apps)
        except BadKeys as error:
            logger.error("the keys stay as they were, the new file is not right: {}", error)
            self._readiness.note("keys", "the file is not right; those of before are in use")
        else:
            self._readiness.troubles.pop("keys", None)
            self._tell()

    def _tell(self) -> None:
        sources = self._keys.sources
        logger.info("keys of {} sources", len(sources))
        for source in sources:
            if not source.may_send:
                logger.warning(
                    "source {} may send nothing: no event type is of an app of that name, "
                    "or fits its types in {}",
                    source.name,
                    self._path,
                )


def guard_of(
    options: GatewayOptions, apps: Mapping[str, str], limits: Limits, readiness: Readiness
) -> Guard | None:
    """The guard that the options ask for; None: everybody may send.

    Raises:
        Fatal: the file of keys is not right; or there is none, and others than this machine
            could send.
    """
    if options.keys_file:
        return Guard(Path(options.keys_file), apps, limits, readiness)
    if not options.open and not is_loopback(options.host):
        raise Fatal(
            f"GATEWAY__HOST={options.host} lets other machines in, and there are no keys: make "
            "one by `forebay keys new --source APP` and name its file in GATEWAY__KEYS_FILE; or "
            "set GATEWAY__OPEN=true if something in front of the gateway checks who sends"
        )
    return None


def key_in(request: web.Request) -> bytes:
    """The key that a request brings; empty: none."""
    given = _bearer(request.headers.get(hdrs.AUTHORIZATION, ""))
    key = given[1] if given else request.headers.get(KEY_HEADER, "").strip()
    return key.encode("utf-8", "surrogateescape")


def unauthorized() -> Refusal:
    """The answer to who brings no key that is known."""
    return Refusal(
        401,
        "unauthorized",
        "send a key that this gateway knows: Authorization: Bearer …, or X-Api-Key: …",
        WWW_Authenticate="Bearer",
    )


def not_allowed(source: Source) -> str:
    """What to tell who sends events that are not theirs."""
    return f"the key of source {source.name} may not send events of this type"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _look(path: Path) -> tuple[int, int, int] | None:
    """What changes with a file: a mounted secret is a link that is moved to another file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
