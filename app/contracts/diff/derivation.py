"""How the value of each column is made: from which place of the event, by which steps.

Two columns whose derivations are equal have equal values for the same event.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.contracts.fields import Field
from app.contracts.model import EXTRA, Contract
from app.core.transforms import Columns, Transform

Derivation = tuple[Any, ...]
SOURCE = ("type", "default", "lenient", "epoch", "timezone", "format", "precision", "scale")


def derivations(contract: Contract, *, steps_only: bool = False) -> Mapping[str, Derivation]:
    """The derivation of each column that lands, `_extra` too; with `steps_only`, beginning with
    the fields as they are."""
    made: dict[str, Derivation] = {
        name: (name,) if steps_only else _sent(name, field)
        for name, field in contract.fields.items()
    }
    columns: Columns = contract.sent
    if EXTRA in columns:
        made[EXTRA] = (EXTRA,)
    for step in contract.transform:
        after = step.columns(columns)
        made = _after(made, step, columns, after)
        columns = after
    pii = {name: () if steps_only else (column.pii,) for name, column in contract.landed.items()}
    return {name: (*made[name], *pii[name]) for name in contract.landed}


def steps(contract: Contract) -> list[tuple[Transform, Columns, Derivation]]:
    """Each step with the columns it finds, and its own derivation: what it says, and what it
    reads, beginning with the fields as they are."""
    made: dict[str, Derivation] = {name: (name,) for name in contract.sent}
    columns, found = contract.sent, list[tuple[Transform, Columns, Derivation]]()
    for step in contract.transform:
        after = step.columns(columns)
        found.append((step, columns, _new(made, step)))
        made, columns = _after(made, step, columns, after), after
    return found


def _sent(name: str, field: Field) -> Derivation:
    return (field.way(name), *(repr(getattr(field, option, None)) for option in SOURCE))


def _after(
    made: Mapping[str, Derivation], step: Transform, columns: Columns, after: Columns
) -> dict[str, Derivation]:
    if step.do == "rename":
        return {name: made[step.field if name == step.to else name] for name in after}
    said, new = _said(step), _new(made, step)
    written = {name for name in after if name not in columns}
    if not written:  # a step in place
        written = {str(said.get("to") or said.get("field"))}
    return {name: new if name in written else made[name] for name in after}


def _new(made: Mapping[str, Derivation], step: Transform) -> Derivation:
    said = _said(step)
    read = tuple(made[name] for name in dict.fromkeys(_texts(said)) if name in made)
    return (repr(said), read)


def _said(step: Transform) -> dict[str, Any]:
    said = step.model_dump(mode="json", by_alias=True, exclude={"about"})
    if step.do == "map" and "default" not in step.model_fields_set:
        del said["default"]  # another thing than a default of null
    return said


def _texts(said: Any) -> Iterator[str]:
    """Every text in a step's options: some of them are names of columns."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for value in said.values():
            yield from _texts(value)
    elif isinstance(said, list):
        for value in said:
            yield from _texts(value)
