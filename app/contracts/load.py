"""Read all topic files, or say in one go everything that is wrong with them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from app.contracts.check import problems_between, problems_in
from app.contracts.defaults import APP, FILE
from app.contracts.model import Contract
from app.contracts.parts import right_parts
from app.contracts.problems import Problem, problems_of
from app.contracts.sources import OPEN, Source, read_sources
from app.contracts.topic_spec import TopicSpec
from app.contracts.topic_yaml import decided, open_decisions
from app.core.errors import Fatal
from app.core.schedule import Schedule

NEAR = 0.55  # as difflib measures; «order» is nearer than this to order_placed


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

    def chosen(self, events: Sequence[str] | None) -> list[Contract]:
        """Those of the named events, all without names. Raises `Fatal` with what was meant instead
        of the unknown."""
        if unknown := [event for event in events or () if event not in self]:
            raise Fatal(f"no topic file for {', '.join(map(self._unknown, unknown))}")
        return [self[event] for event in events or self]

    def _unknown(self, event: str) -> str:
        near = get_close_matches(event, self, n=1, cutoff=NEAR)
        if not near:
            return f"{event} (none of the {len(self)} names is near)"
        return f"{event} (did you mean {near[0]}?)"

    @property
    def partitions(self) -> Mapping[str, int]:
        """Partitions of the topic, by event."""
        return {event: contract.partitions for event, contract in self.items()}

    @property
    def topics(self) -> Mapping[str, TopicSpec]:
        """The topics of all event types, by their names in Kafka."""
        return {contract.topic: contract.topic_spec for contract in self.values()}

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """When the table is to be brought up to date, by event."""
        return {event: contract.load.schedule for event, contract in self.items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder holds, good or not: the files as they are written, the contracts of those
    whose form is right, and all problems."""

    sources: Mapping[Path, Source]
    contracts: Mapping[Path, Contract]
    problems: Sequence[Problem]

    @property
    def good(self) -> Mapping[Path, Contract]:
        """The contracts of the files with which nothing is wrong."""
        bad = {problem.path for problem in self.problems}
        return {path: c for path, c in self.contracts.items() if path not in bad}


def load_contracts(folder: Path) -> Contracts:
    """Read a folder of topic files.

    Raises:
        Fatal: a line per problem, of all files: `topics/order_placd.yaml: path.in.file: what`.
    """
    reading = read_folder(folder)
    if reading.problems:
        raise Fatal("\n".join(map(str, reading.problems)))
    by_event = {c.event: c for c in sorted(reading.contracts.values(), key=lambda c: c.event)}
    return Contracts(by_event, _sha(by_event))


def read_folder(folder: Path) -> Reading:
    """Read a folder of topic files, and find everything that is wrong with them but examples that
    turn out otherwise."""
    sources = read_sources(folder)
    read: dict[Path, Contract] = {}
    found: list[tuple[Source, Problem]] = []
    for source in sources.files:
        contract, problems = _load(source)
        found += [(source, problem) for problem in problems]
        if contract is not None:
            read[source.path] = contract
    problems = [*sources.problems, *_placed(found), *problems_between(folder, read)]
    if not sources.files and not problems:
        problems.append(Problem(folder, "", "no *.yaml files here; is TOPICS_DIR right?"))
    problems.sort(key=lambda problem: problem.path)  # those of a file stay in their order
    return Reading({source.path: source for source in sources.files}, read, problems)


def _load(source: Source) -> tuple[Contract | None, list[Problem]]:
    path = source.path
    open_at = list(open_decisions(source.own))
    content = decided(source.content) if open_at else source.content
    contract = None
    try:
        contract = Contract.model_validate_json(json.dumps(content))
    except ValidationError as error:
        found = problems_of(path, error, content)
        found += problems_in(path, *right_parts(content, error))
    else:
        found = problems_in(path, contract)
        if source.defaults and contract.app != (app := source.defaults.app):
            found.append(Problem(path, "app", APP.format(app=contract.app, folder=app)))
    found = [p for p in found if p.where not in open_at and not source.told_of(p.where)]
    return contract, [*(Problem(path, where, OPEN) for where in open_at), *found]


def _placed(found: Sequence[tuple[Source, Problem]]) -> Iterator[Problem]:
    """Name the mistake where it is: what several types have from their app's defaults, and is
    wrong in the same way, is wrong there."""
    times = Counter(_inherited(*one) for one in found)
    told = set()
    for source, problem in found:
        shared = _inherited(source, problem)
        if shared is None:
            yield problem
        elif times[shared] == 1:
            yield replace(problem, what=f"{problem.what} (it is from {FILE})")
        elif shared not in told:
            told.add(shared)
            yield shared


def _inherited(source: Source, problem: Problem) -> Problem | None:
    if source.defaults is None or not source.inherits(problem.where):
        return None
    return replace(problem, path=source.defaults.path)


def _sha(contracts: Mapping[str, Contract]) -> str:
    content = {e: c.model_dump(mode="json", by_alias=True) for e, c in contracts.items()}
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
