"""Whether a file that makes several rows of an event, or none, can keep them apart and together."""

from app.contracts.check_fields import Found
from app.contracts.fields import Field, ListField, ObjectField
from app.contracts.model import Contract
from app.core.transforms import Columns, DropEvent, Explode, Transform


def problems_of_rows(contract: Contract) -> Found:
    """Find what does not fit an event's rows. The columns must fit each step."""
    steps = contract.transform
    at = next((i for i, step in enumerate(steps) if isinstance(step, Explode)), len(steps))
    named = set(contract.dedupe.by).intersection(_columns_before(contract, at))
    for index, step in enumerate(steps[at + 1 :], start=at + 1):
        if isinstance(step, Explode):
            yield f"transform.{index}.do", "there is an explode already; an event has one"
        elif isinstance(step, DropEvent):
            what = "leaves out whole events; put it before the explode"
            yield f"transform.{index}.do", what
        elif (name := _changed_by(step)) in named:
            what = f"«{name}» names the event, whose rows are made by now; put it before explode"
            yield f"transform.{index}.field", what
    explode = contract.exploded
    if explode is not None:
        yield from _of_an_event(contract, explode, at)
    yield from _examples(contract)


def _changed_by(step: Transform) -> str | None:
    """The column that a step changes in its place, if it changes one."""
    adds = getattr(step, "to", None) is not None or hasattr(step, "prefix")
    return None if adds else getattr(step, "field", None)


def _of_an_event(contract: Contract, explode: Explode, at: int) -> Found:
    columns = _columns_before(contract, at)
    if contract.dedupe.keep == "last":
        what = "last is for events of one row; with an explode say first"
        yield "dedupe.keep", what
    for index, name in enumerate(contract.dedupe.by):
        if name in contract.landed and name not in columns:
            what = f"«{name}» is made by the explode, or after it; name what the whole event has"
            yield f"dedupe.by.{index}", what
    if _keeps_unknown(contract.fields.get(explode.field)):
        what = (
            f"items of «{explode.field}» keep what is unknown, and no column takes it; "
            "say unknown: reject or drop there"
        )
        yield f"transform.{at}.field", what


def _columns_before(contract: Contract, at: int) -> Columns:
    columns = contract.sent
    for step in contract.transform[:at]:
        columns = step.columns(columns)
    return columns


def _keeps_unknown(field: Field | None) -> bool:
    return (
        isinstance(field, ListField)
        and isinstance(field.items, ObjectField)
        and field.items.unknown == "keep"
    )


def _examples(contract: Contract) -> Found:
    for index, example in enumerate(contract.examples):
        if contract.exploded is not None and example.row is not None:
            yield f"examples.{index}.row", "an event is several rows here; say rows: [..]"
        if contract.exploded is None and example.rows is not None:
            yield f"examples.{index}.rows", "an event is one row here, for want of explode; say row"
