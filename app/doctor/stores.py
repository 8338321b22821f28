"""Are S3, the ledger and Redis there, may we use them, and do their clocks agree with ours?"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from ulid import ULID

from app.doctor.finding import Finding, Level
from app.ledger.protocol import Ledger
from app.redis_options import RedisOptions
from sinks.protocol import ObjectStore

FOLDER = "doctor/"
LARGE_BYTES = 6 << 20
"""More than S3's least part: it goes as an upload in parts."""

WEAK_SKEW, WRONG_SKEW = timedelta(seconds=5), timedelta(minutes=5)
"""Beyond the second, S3 soon refuses our signatures, and events come from the future."""


async def look_at_s3(objects: ObjectStore, where: str) -> AsyncIterator[Finding]:
    """Store, read, list, remove, and begin an upload that is given up; nothing stays behind."""
    await objects.ping()
    key = f"{FOLDER}{ULID()}.ndjson.gz"
    writer = objects.writer(key)
    writer.append(b"{}\n")
    await writer.finish()
    assert [part async for part in objects.read(key)]
    names = [stat.key async for stat in objects.list(FOLDER)]
    await objects.delete([key])
    if key not in names:
        said = f"{where}: an object is not listed once it is stored"
        yield Finding("s3", Level.WRONG, said, "Forebay needs a store that lists what it has")
    large = objects.writer(f"{FOLDER}{ULID()}.ndjson.gz")
    large.append(os.urandom(LARGE_BYTES))
    await large.relieve()
    await large.abort()
    _ = [upload async for upload in objects.uploads()]
    yield Finding("s3", Level.GOOD, f"{where}: may store, read, list, remove, give up uploads")
    yield skew("s3", await objects.now())


def skew(part: str, theirs: datetime) -> Finding:
    """Whether a server's clock agrees with ours. It may have been read some ms ago."""
    apart = abs(theirs - datetime.now(UTC))
    said = f"its clock and ours are {apart.total_seconds():.0f} s apart"
    fix = "let NTP set the clocks (timedatectl set-ntp true): of this machine first"
    if apart >= WRONG_SKEW:
        return Finding(part, Level.WRONG, said, fix)
    return Finding(part, Level.WEAK if apart >= WEAK_SKEW else Level.GOOD, said, fix)


async def look_at_ledger(ledger: Ledger, url: str) -> AsyncIterator[Finding]:
    """Read, and write what nobody reads: when a doctor was here."""
    await ledger.ping()
    await ledger.record_tick("doctor", datetime.now(UTC))
    assert "doctor" in await ledger.ticks()
    if url.startswith("sqlite"):
        said = "a SQLite file: good for one machine, and no other role elsewhere can see it"
        yield Finding("ledger", Level.WEAK, said, "LEDGER__URL=mongodb://…, a replica set")
    else:
        yield Finding("ledger", Level.GOOD, "MongoDB: may read and write")


async def look_at_redis(options: RedisOptions) -> AsyncIterator[Finding]:
    """Take a lock and give it back; compare clocks."""
    from app.scheduler.lock import Locks

    locks = Locks(options.url, 10.0, options.client())
    try:
        await locks.ping()
        async with locks.held(f"forebay:doctor:{ULID()}") as lease:
            taken = lease is not None
        theirs = await locks.now()
    finally:
        await locks.close()
    if taken:
        yield Finding("redis", Level.GOOD, "may take locks and give them back")
    else:
        yield Finding("redis", Level.WRONG, "a lock that nobody has can not be taken")
    yield skew("redis", theirs)
