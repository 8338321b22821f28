"""The topic files of a folder as they are written, each with the defaults of its app."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.contracts.defaults import FILE, SHARED, app_defaults, laid_over, misfits
from app.contracts.problems import Problem, problems_of
from app.contracts.topic_yaml import Unreadable, open_decisions, read_yaml

OPEN = "a decision is open: write what it shall be instead of TODO"
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Defaults:
    """What an `_app.yaml` says. `app` is its folder's name, which is the app's unless it says so
    itself; `wrong` are the paths in it that are reported already."""

    path: Path
    content: Mapping[str, Any]
    wrong: frozenset[str] = frozenset()

    @property
    def app(self) -> str:
        return self.path.parent.name


@dataclass(frozen=True)
class Source:
    """One type file. `own` is what it says itself, whatever that is."""

    path: Path
    own: Any
    defaults: Defaults | None = None

    @cached_property
    def content(self) -> Any:
        """What the file and the defaults of its app say together."""
        if self.defaults is None or not isinstance(self.own, Mapping):
            return self.own
        return laid_over(self.defaults.content, self.own, self.path.stem)

    def inherits(self, where: str) -> bool:
        """Whether what stands at a dotted path is the app's, not the file's own."""
        return (
            self.defaults is not None
            and not _says(self.own, where)
            and _says(self.defaults.content, where)
        )

    def told_of(self, where: str) -> bool:
        """Whether a problem at a dotted path is the defaults' own, which are reported already."""
        if self.defaults is None or _says(self.own, where):
            return False
        return any(where == wrong or where.startswith(f"{wrong}.") for wrong in self.defaults.wrong)


@dataclass(frozen=True)
class Sources:
    """All files that could be read, and what is wrong with the others and with defaults."""

    files: list[Source] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_sources(folder: Path) -> Sources:
    """Read `DIR/<event>.yaml`, `DIR/<app>/<event>.yaml` and `DIR/<app>/_app.yaml`."""
    sources = Sources()
    defaults: dict[Path, Defaults] = {}
    for path in _paths(folder):
        flat = path.parent == folder
        if what := _misplaced(path, folder):
            sources.problems.append(Problem(path, "", what))
            continue
        if not flat and path.parent not in defaults:
            defaults[path.parent], found = _defaults(path.parent / FILE)
            sources.problems.extend(found)
        if path.name != FILE:
            try:
                own = read_yaml(path)
            except Unreadable as error:
                sources.problems.append(Problem(path, error.where, error.what))
                continue
            sources.files.append(Source(path, own, None if flat else defaults[path.parent]))
    return sources


def _paths(folder: Path) -> list[Path]:
    """Hidden files and folders are none of ours. In a mounted ConfigMap the folders of apps are
    links into a hidden one."""
    found = []
    for inside, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(inside, name) for name in files if not name.startswith(".")]
    return sorted(path for path in found if path.suffix in SUFFIXES)


def _misplaced(path: Path, folder: Path) -> str | None:
    depth = len(path.relative_to(folder).parts)
    if depth > 2:
        return "is too deep; a topic file is <event>.yaml or <app>/<event>.yaml"
    if path.name == FILE and depth == 1:
        return "move it into a folder named after its app"
    if path.name.startswith("_") and path.name != FILE:
        return f"only {FILE} may begin with an underscore; name it after its event"
    return None


def _defaults(path: Path) -> tuple[Defaults, list[Problem]]:
    app = {"app": path.parent.name}
    if not path.exists():
        return Defaults(path, app), []
    try:
        content = read_yaml(path)
    except Unreadable as error:
        return _useless(path, Problem(path, error.where, error.what))
    if not isinstance(content, Mapping):
        return _useless(path, Problem(path, "", "must be a mapping (key: value)"))
    found = [Problem(path, where, OPEN) for where in open_decisions(content)]
    told = {problem.where for problem in found}
    found += [problem for problem in _wrong(path, content) if problem.where not in told]
    wrong = {problem.where for problem in found}
    if "warehouse.schema" in wrong:
        wrong.add("warehouse.table")
    return Defaults(path, app | dict(content), frozenset(wrong)), found


def _wrong(path: Path, content: Mapping[str, Any]) -> Iterator[Problem]:
    model = app_defaults()
    try:
        model.model_validate_json(json.dumps(content))
    except ValidationError as error:
        yield from problems_of(path, error, content, model)
    for where, what in misfits(path.parent.name, content):
        yield Problem(path, where, what)


def _useless(path: Path, problem: Problem) -> tuple[Defaults, list[Problem]]:
    """Without the defaults nobody knows whether a type file lacks a key that may stand there."""
    return Defaults(path, {}, frozenset(SHARED)), [problem]


def _says(content: Any, where: str) -> bool:
    for part in where.split("."):
        if isinstance(content, list):
            if not (part.isdecimal() and int(part) < len(content)):
                return False
            content = content[int(part)]
        elif isinstance(content, Mapping) and part in content:
            content = content[part]
        else:
            return False
    return True
