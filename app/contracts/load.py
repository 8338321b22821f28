"""Read every topics/*.yaml, or say in one go everything that is wrong with them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from app.contracts.check import problems_between, problems_in
from app.contracts.model import Contract
from app.contracts.problems import Problem, problems_of
from app.contracts.topic_yaml import Unreadable, read_yaml
from app.core.errors import Fatal


@dataclass(frozen=True, slots=True)
class Contracts(Mapping[str, Contract]):
    """All contracts by event name, in order of the names.

    `config_sha` names what they say (sha256, hex): equal for equal content, whatever the layout
    of the files. The order of fields is content: the columns stand in it.
    """

    by_event: Mapping[str, Contract]
    config_sha: str

    def __getitem__(self, event: str) -> Contract:
        return self.by_event[event]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_event)

    def __len__(self) -> int:
        return len(self.by_event)

    @property
    def partitions(self) -> Mapping[str, int]:
        """Partitions of the topic, by event."""
        return {event: contract.partitions for event, contract in self.items()}

    @property
    def topic_config(self) -> Mapping[str, Mapping[str, str]]:
        """Kafka's own settings of the topic, by event."""
        return {event: contract.topic_config for event, contract in self.items()}

    @property
    def load_every(self) -> Mapping[str, timedelta]:
        """How often the table is to be brought up to date, by event."""
        return {event: contract.load.interval for event, contract in self.items()}


def load_contracts(folder: Path) -> Contracts:
    """Read a folder of topic files.

    Raises:
        Fatal: a line per problem, of all files: `topics/order_placd.yaml: path.in.file: what`.
    """
    read: dict[Path, Contract] = {}
    problems: list[Problem] = []
    paths = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    for path in paths:
        contract, found = _load(path)
        problems += found
        if contract is not None:
            read[path] = contract
    problems += problems_between(read)
    if not paths:
        problems.append(Problem(folder, "", "no *.yaml files here; is TOPICS_DIR right?"))
    if problems:
        raise Fatal("\n".join(map(str, problems)))
    by_event = {c.event: c for c in sorted(read.values(), key=lambda c: c.event)}
    return Contracts(by_event, _sha(by_event))


def _load(path: Path) -> tuple[Contract | None, list[Problem]]:
    try:
        content = read_yaml(path)
    except Unreadable as error:
        return None, [Problem(path, error.where, error.what)]
    try:
        contract = Contract.model_validate_json(json.dumps(content))
    except ValidationError as error:
        return None, problems_of(path, error, content)
    return contract, problems_in(path, contract)


def _sha(contracts: Mapping[str, Contract]) -> str:
    content = {e: c.model_dump(mode="json", by_alias=True) for e, c in contracts.items()}
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
