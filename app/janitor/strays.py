"""Objects and uploads that no seal names.

Workers make them: what a crash left, what was fenced, what was dropped. They belong to nobody, for
only what the ledger names exists. What is removed here must never be named later, so

* the store is asked first and the ledger after it: what is recorded meanwhile is seen as named
* nothing younger than the grace is looked at, and a worker records no seal that is older than half
  of it: of what is unnamed after the grace nothing will ever be named
* ages are taken from the store's own clock on both sides: ours may be wrong by days
* names that no worker of ours made are not looked at: the bucket may hold other people's objects
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from app.core.errors import Fatal
from app.core.seal import seal_of_key
from app.janitor.pile import Check
from app.ledger.operations import Operations
from sinks.protocol import ObjectStat, ObjectStore, Upload

AT_ONCE = 500
FEW = 20
MOST_STRAYS = 20_000
"""Of one sweep, so that memory stays flat; the next one goes on."""


@dataclass
class Strays:
    """What was found: `named` old objects have a seal, `found` have none."""

    named: int = 0
    found: list[ObjectStat] = field(default_factory=list)

    @property
    def are_most(self) -> bool:
        """Whether the ledger does not look like that of this bucket."""
        return len(self.found) > self.named

    def leave_if_most(self) -> None:
        """A few are left for a later sweep: the first crash of a new worker makes some. Raises
        `Fatal` for more: with another bucket's ledger, all that was ever stored would go."""
        if not self.are_most:
            return
        if len(self.found) > FEW:
            raise Fatal(
                f"of {self.named + len(self.found)} objects older than the grace the ledger names "
                f"only {self.named}: none was removed. Is LEDGER__URL the ledger of this bucket? "
                "If it is, and they are to go: `forebay janitor --go --most`"
            )
        self.found.clear()


async def find_strays(store: ObjectStore, ledger: Operations, before: datetime) -> Strays:
    """Look at every object of ours that was stored before that moment of the store's clock."""
    strays = Strays()
    async for batch in _old(store, before):
        names = await ledger.named({_seal(stat) for stat in batch})
        unnamed = [stat for stat in batch if stat.key not in names]
        strays.named += len(batch) - len(unnamed)
        strays.found += unnamed[: MOST_STRAYS - len(strays.found)]
        if len(strays.found) == MOST_STRAYS:
            break
    return strays


async def remove(
    strays: Strays, store: ObjectStore, ledger: Operations, check: Check
) -> list[ObjectStat]:
    """Remove them, and return those that were: the ledger is asked once more about each."""
    removed = []
    for start in range(0, len(strays.found), AT_ONCE):
        batch = strays.found[start : start + AT_ONCE]
        names = await ledger.named({_seal(stat) for stat in batch})
        unnamed = [stat for stat in batch if stat.key not in names]
        check()
        await store.delete([stat.key for stat in unnamed])
        removed += unnamed
    return removed


async def old_uploads(store: ObjectStore, before: datetime) -> list[Upload]:
    """The uploads of ours that were begun before that moment and never finished."""
    return [
        upload
        async for upload in store.uploads()
        if upload.begun < before and seal_of_key(upload.key) is not None
    ]


async def _old(store: ObjectStore, before: datetime) -> AsyncIterator[list[ObjectStat]]:
    batch: list[ObjectStat] = []
    async for stat in store.list(""):
        if stat.modified < before and seal_of_key(stat.key) is not None:
            batch.append(stat)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _seal(stat: ObjectStat) -> str:
    return seal_of_key(stat.key) or ""
