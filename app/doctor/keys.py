"""The gateway's keys: is the file right, and does it ask for what is counted in Redis?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from app.doctor.finding import Finding, Level
from app.gateway.keys import BadKeys, read_keys
from app.gateway.options import GatewayOptions

PART = "keys"


async def look_at_keys(path: Path, apps: Mapping[str, str]) -> AsyncIterator[Finding]:
    """`apps` has the app of each event type. Raises `BadKeys`: no gateway starts with this file."""
    keys = await asyncio.to_thread(read_keys, path, apps)
    for source in keys.sources:
        if not source.may_send:
            said = f"source {source.name} may send nothing: no event type is of an app of that name"
            fix = f"give it types in {path}, or the name of an app of the topic files"
            yield Finding(PART, Level.WEAK, said, fix)
    yield Finding(PART, Level.GOOD, f"{path}: keys of {len(keys.sources)} sources")


def counts_in_redis(options: GatewayOptions, apps: Mapping[str, str]) -> bool:
    """Whether a gateway with these options has limits, for all or for one source. With a file that
    is not right it may."""
    if options.events_per_second is not None or options.bytes_per_second is not None:
        return True
    if not options.keys_file:
        return False
    try:
        sources = read_keys(Path(options.keys_file), apps).sources
    except BadKeys:
        return True
    limits = ((s.events_per_second, s.bytes_per_second) for s in sources)
    return any(limit is not None for of in limits for limit in of)
