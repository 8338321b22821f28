"""Are S3, the ledger and Redis there, may we use them, and do their clocks agree with ours?"""

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ulid import ULID

from app.core.errors import ForebayError
from app.doctor.finding import Finding, Level
from app.ledger.protocol import Ledger
from app.redis_options import RedisOptions
from sinks.protocol import ObjectStore

FOLDER = "doctor/"
MORE_BYTES = 1 << 20
"""Than a part has: so it goes as an upload in parts."""

LIKE_S3 = "Forebay needs a store that has at once what it was given, as S3 does"

WEAK_SKEW, WRONG_SKEW = timedelta(seconds=5), timedelta(minutes=5)
"""Beyond the second, S3 soon refuses our signatures, and events come from the future."""


async def look_at_s3(objects: ObjectStore, where: str, part_bytes: int) -> AsyncIterator[Finding]:
    """Store, read, list, remove, and begin an upload that is given up; nothing stays behind, also
    where one of these fails. `part_bytes` of a large object are one part of its upload."""
    await objects.ping()
    faults = [*await _small_object(objects), *await _large_object(objects, part_bytes)]
    for said, fix in faults:
        yield Finding("s3", Level.WRONG, f"{where}: {said}", fix)
    if not faults:
        yield Finding("s3", Level.GOOD, f"{where}: may store, read, list, remove, give up uploads")
    yield skew("s3", await objects.now())


Faults = list[tuple[str, str]]
"""What is wrong, and what to do."""


async def _small_object(objects: ObjectStore) -> Faults:
    key = f"{FOLDER}{ULID()}.ndjson.gz"
    writer = objects.writer(key)
    writer.append(b"{}\n")
    try:
        await writer.finish()
        read = [part async for part in objects.read(key)]
        names = [stat.key async for stat in objects.list(FOLDER)]
    except BaseException:
        await writer.abort()
        with suppress(ForebayError):  # what went wrong first is to be told
            await objects.delete([key])
        raise
    faults = []
    if not any(read):
        faults.append(("an object that was stored is read as empty", LIKE_S3))
    if key not in names:
        faults.append(("an object is not listed once it is stored", LIKE_S3))
    try:
        await objects.delete([key])
    except ForebayError as error:
        fix = "allow s3:DeleteObject there, and remove it"
        faults.append((f"{key} could be stored, and not be removed: {error}", fix))
    return faults


async def _large_object(objects: ObjectStore, part_bytes: int) -> Faults:
    key = f"{FOLDER}{ULID()}.ndjson.gz"
    large = objects.writer(key)
    large.append(os.urandom(part_bytes + MORE_BYTES))
    try:
        await large.relieve()
    finally:
        await large.abort()  # which tells nobody whether it could
    left = [upload.key async for upload in objects.uploads() if upload.key == key]
    fix = "allow s3:AbortMultipartUpload there; `forebay janitor` gives up what was left"
    return [(f"the upload of {key} could be begun, and not be given up", fix)] if left else []


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
    if "doctor" not in await ledger.ticks():
        said = "what was written is not there when it is read"
        fix = "LEDGER__URL must name one replica set, of which a majority is there: see rs.status()"
        yield Finding("ledger", Level.WRONG, said, fix)
    elif url.startswith("sqlite"):
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
