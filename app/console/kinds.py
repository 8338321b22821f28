"""The event types as the console knows them: a few facts each, and the whole contract when asked.

A contract takes 150 KB in memory, and a scheduler has a hundred of them: so they are kept packed,
at 3 KB each, and the one that a page is about is unpacked for it.
"""

import pickle
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.contracts.load import Contracts
from app.contracts.model import Contract, Kafka
from app.contracts.table import Table


@dataclass(frozen=True, slots=True)
class Kind:
    """What lists of event types show of one; it stands in for a contract in `app.status`."""

    event: str
    version: int
    app: str
    summary: str
    team: str
    chat: str
    topic: str
    partitions: int
    objective: timedelta | None
    every: str
    kafka: Kafka
    table: Table
    key: tuple[str, ...]

    @property
    def words(self) -> str:
        """What a filter finds it by."""
        return f"{self.event} {self.app} {self.team} {self.table.name} {self.summary}".lower()


class Kinds(Mapping[str, Kind]):
    """All types by name. `contract` unpacks one."""

    def __init__(self, contracts: Contracts) -> None:
        self._kinds = {event: _kind(contract) for event, contract in contracts.items()}
        self._packed = {
            event: zlib.compress(pickle.dumps(contract)) for event, contract in contracts.items()
        }
        self.tables = {event: kind.table.name for event, kind in self._kinds.items()}

    def __getitem__(self, event: str) -> Kind:
        return self._kinds[event]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def contract(self, event: str) -> Contract:
        """The whole one. Raises `KeyError` for a type without a topic file."""
        contract: Contract = pickle.loads(zlib.decompress(self._packed[event]))
        return contract


def _kind(contract: Contract) -> Kind:
    return Kind(
        event=contract.event,
        version=contract.version,
        app=contract.app,
        summary=contract.summary,
        team=contract.owners.team,
        chat=contract.owners.chat,
        topic=contract.topic,
        partitions=contract.partitions,
        objective=contract.objective,
        every=contract.load.every,
        kafka=contract.kafka,
        table=contract.table,
        key=contract.dedupe.by,
    )
