"""CSV rows as events: the header names the fields, the contract says what the words mean."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from app.core.errors import Fatal

if TYPE_CHECKING:
    import _csv

INTEGER = re.compile(r"-?\d{1,38}")
WHOLE = re.compile(r"(-?\d{1,38})\.0+")  # as data frames write integers of a column with gaps
# Up to 15 digits: a longer one is a name for something, and as a float it would change.
PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")

Row = tuple[int, dict[str, Any], str | None]


def csv_events(
    stream: BinaryIO, types: Mapping[str, str], missing: frozenset[str]
) -> Iterator[Row]:
    """Read rows as (line where it ends, event, what is wrong with it or None).

    Words in `missing` leave a field out. Fields without a type in `types` become numbers or
    booleans where that is unambiguous, else text.

    Raises:
        Fatal: no header, or a field twice.
    """
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    try:
        yield from _rows(csv.reader(text, strict=True), types, missing)
    finally:
        text.detach()  # else it would close the stream, which is not ours


def _rows(
    reader: "_csv.Reader", types: Mapping[str, str], missing: frozenset[str]
) -> Iterator[Row]:
    header = _header(reader)
    readers = [(name, READERS.get(types.get(name, ""), _guess)) for name in header]
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise Fatal(f"CSV after line {reader.line_num} is not UTF-8: {error}") from error
            yield reader.line_num, {}, f"not CSV: {error}"
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield reader.line_num, {}, f"{len(row)} values, but the header has {len(header)}"
            continue
        event = {
            name: read(word)
            for (name, read), word in zip(readers, row, strict=True)
            if word not in missing
        }
        yield reader.line_num, event, None


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except (csv.Error, UnicodeDecodeError) as error:
        raise Fatal(f"the CSV header can not be read: {error}") from error
    if not header or "" in header:
        raise Fatal("the first line of a CSV file must name its fields")
    if twice := {name for name in header if header.count(name) > 1}:
        raise Fatal(f"the CSV header names {', '.join(sorted(twice))} twice")
    return header


def _integer(word: str) -> Any:
    if INTEGER.fullmatch(word):
        return _small(int(word), word)
    if whole := WHOLE.fullmatch(word):
        return _small(int(whole[1]), word)
    return word


def _small(number: int, word: str) -> Any:
    # The JSON writer knows 64 bits; anything larger is sent as text, for the gateway to judge.
    return number if -(2**63) <= number < 2**64 else word


def _number(word: str) -> Any:
    try:
        number = float(word)
    except ValueError:
        return word
    # NaN and infinity are no JSON: they are sent as the words they are.
    return number if number - number == 0 else word


def _boolean(word: str) -> Any:
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(
        word.strip().lower(), word
    )


def _json(word: str) -> Any:
    try:
        return orjson.loads(word)
    except orjson.JSONDecodeError:
        return word


def _guess(word: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    if PLAIN_NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    return word


READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "json": _json,
    "list": _json,
    "object": _json,
    "string": str,
    "decimal": str,
    "uuid": str,
    "timestamp": str,
    "date": str,
}
