"""What may happen to an event between its contract and the table: a closed list of pure steps.

A new transform is one options class with its two methods, and one line in `Transform`:

* `columns` takes the columns so far and returns them as they are afterwards, so that the table
  and the documentation see what it adds and removes; it raises `ValueError(path, what)`.
  A column that is made of others is as personal as the most personal of them (`derived`), unless
  the step decides: `hash` hashes; what `truncate_ip`, `user_agent`, `date_part` and `when` leave
  names nobody and is kept.
* `step` returns the function that changes one row in place; it raises `RejectedError`.

`Explode` alone makes several rows of one, and has `rows` in place of `step`.
"""

from typing import Annotated

from pydantic import Field

from app.core.transforms.agents import UserAgent
from app.core.transforms.choosing import Map, When
from app.core.transforms.columns import Columns, Landing, Row, Step
from app.core.transforms.dates import DatePart, ParseTimestamp, zone
from app.core.transforms.numbers import MinorUnits, ParseNumber
from app.core.transforms.placing import Coalesce, Constant, Rename
from app.core.transforms.privacy import Hash, TruncateIp
from app.core.transforms.rows import DropEvent, Explode, Rows
from app.core.transforms.texts import Join, Lower, Split, Trim, Truncate, Upper
from app.core.transforms.urls import UrlParts

__all__ = [
    "Columns",
    "DropEvent",
    "Explode",
    "Landing",
    "Row",
    "Rows",
    "Step",
    "Transform",
    "zone",
]

Transform = Annotated[
    Trim
    | Lower
    | Upper
    | Truncate
    | Split
    | Join
    | Constant
    | Rename
    | Coalesce
    | Map
    | When
    | DatePart
    | ParseTimestamp
    | ParseNumber
    | MinorUnits
    | UrlParts
    | UserAgent
    | TruncateIp
    | Hash
    | DropEvent
    | Explode,
    Field(discriminator="do"),
]
