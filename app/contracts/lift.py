"""Turn a validated event, nested as it was sent, into a flat row of its fields."""

from collections.abc import Callable
from typing import Any

from app.contracts.model import EXTRA
from app.contracts.paths import Fields, Tree, dotted, first_required, is_list
from app.contracts.types import valid_default
from app.core.errors import Reason, RejectedError

Row = dict[str, Any]
Take = Callable[[Any, Row], None]
Rest = Callable[[Any], Any]


def lifter(tree: Tree, fields: Fields, *, keep: bool) -> Callable[[Any], Row]:
    """Compile the lift. With `keep` the row also has what is left, or None, as `_extra`.

    The lift raises `RejectedError` where a container is missing and a value in it must not be.
    """
    take, rest = _take(tree, fields, ()), _rest(tree)
    empty = {name: valid_default(field) for name, field in fields.items()}

    def lift(event: Any) -> Row:
        row = empty.copy()
        take(event, row)
        if keep:
            row[EXTRA] = rest(event)
        return row

    return lift


def _take(tree: Tree, fields: Fields, above: tuple[str | int, ...]) -> Take:
    leaves = [(step, inner) for step, inner in tree.items() if isinstance(inner, str)]
    branches: list[tuple[str | int, Take, str | None]] = []
    for step, inner in tree.items():
        if isinstance(inner, dict):
            way = (*above, step)
            needed = first_required(inner, fields, way)
            missing = None if needed is None else dotted(needed)
            branches.append((step, _take(inner, fields, way), missing))

    def take(container: Any, row: Row) -> None:
        for step, name in leaves:
            row[name] = container[step]
        for step, take_inner, missing in branches:
            inner = container[step]
            if inner is not None:
                take_inner(inner, row)
            elif missing is not None:
                raise RejectedError(Reason.SCHEMA, f"{missing} is missing", missing)

    return take


def _rest(tree: Tree) -> Rest:
    """Compile what finds the rest of a container, None if there is none.

    In a list null takes the place of what was lifted, so that the others keep their index.
    """
    inner = {step: _rest(branch) for step, branch in tree.items() if isinstance(branch, dict)}
    leaves = {step for step, branch in tree.items() if isinstance(branch, str)}

    def of(step: str | int, value: Any) -> Any:
        if step in leaves or value is None:
            return None
        return inner[step](value) if step in inner else value

    def of_list(container: Any) -> Any:
        left = [of(index, value) for index, value in enumerate(container)]
        return left if any(value is not None for value in left) else None

    def of_object(container: Any) -> Any:
        left = {}
        for key, value in container.items():
            if key not in tree:
                left[key] = value
            elif (part := of(key, value)) is not None:
                left[key] = part
        return left or None

    return of_list if is_list(tree) else of_object
