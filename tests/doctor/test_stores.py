"""What the doctor does in a store and a ledger: nothing stays behind, whatever fails."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from app.core.errors import Fatal, Transient
from app.doctor.finding import Finding, Level, tried
from app.doctor.stores import look_at_ledger, look_at_s3
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from sinks.memory import MemoryObjectStore
from sinks.memory.faults import When
from sinks.memory.store import MemoryWriter


async def looked(objects: MemoryObjectStore) -> list[Finding]:
    return await tried("s3", look_at_s3(objects, "s3://bucket/", objects.part_bytes))


async def test_where_all_goes_well_nothing_stays() -> None:
    objects = MemoryObjectStore()
    assert [finding.level for finding in await looked(objects)] == [Level.GOOD] * 2
    assert (objects.objects, objects.unfinished) == ({}, {})


@pytest.mark.parametrize(
    ("step", "when"), [("finish", "after"), ("read", "before"), ("list", "before")]
)
async def test_the_object_is_removed_when_a_step_after_it_fails(
    step: Literal["finish", "read", "list"], when: When
) -> None:
    objects = MemoryObjectStore()
    objects.fail_next(step, Transient(f"{step} is refused"), when)
    (finding,) = await looked(objects)
    assert (finding.level, finding.said) == (Level.WRONG, f"{step} is refused")
    assert objects.objects == {}


class LosesParts(MemoryObjectStore):
    """An upload begins, and does not go on."""

    def writer(self, key: str) -> MemoryWriter:
        class Writer(MemoryWriter):
            async def relieve(self) -> None:
                await super().relieve()
                raise Transient("a part is lost")

        return Writer(self, key, self._faults)


async def test_an_upload_that_fails_is_given_up() -> None:
    objects = LosesParts()
    (finding,) = await looked(objects)
    assert (finding.level, finding.said) == (Level.WRONG, "a part is lost")
    assert (objects.objects, objects.unfinished) == ({}, {})


class Keeps(MemoryObjectStore):
    """Whose identity may put, and not remove; what can not be given up, a writer tells nobody."""

    async def delete(self, keys: Collection[str]) -> None:
        raise Fatal("AccessDenied")

    def writer(self, key: str) -> MemoryWriter:
        class Writer(MemoryWriter):
            async def abort(self) -> None:
                pass

        return Writer(self, key, self._faults)


async def test_what_could_not_be_removed_is_named_with_the_right_that_is_missing() -> None:
    objects = Keeps()
    kept, begun, clock = await looked(objects)
    assert (kept.level, begun.level, clock.level) == (Level.WRONG, Level.WRONG, Level.GOOD)
    (key,) = objects.objects
    assert f"{key} could be stored" in kept.said
    assert "s3:DeleteObject" in kept.fix
    (upload,) = objects.unfinished
    assert f"the upload of {upload} could be begun" in begun.said
    assert "s3:AbortMultipartUpload" in begun.fix


class Forgets(SQLiteLedger):
    async def ticks(self) -> Mapping[str, datetime]:
        return {}


async def test_a_ledger_that_forgets_is_wrong(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = Forgets.at(LedgerOptions(url=url))
    (finding,) = await tried("ledger", look_at_ledger(ledger, url))
    await ledger.close()
    assert (finding.level, bool(finding.fix)) == (Level.WRONG, True)
