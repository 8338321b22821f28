"""The key of an event: as somebody writes it, as it is sent, and as it lands."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from pydantic_core import SchemaValidator

from app.contracts.encode import encoder
from app.contracts.model import Contract
from app.contracts.types import core_of
from app.core.errors import Fatal
from app.core.pii import HASH_LENGTH, MIN_KEY_BYTES, PII_KEY, PiiHash
from app.core.transforms import Explode


class UnfitKey(Fatal):
    """What was said is no key of this type; `why` without the words of the command line."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(said or why)
        self.why = why


Values = dict[str, Any]
"""By column of the composite key, as a line of an object writes them."""


@dataclass(frozen=True, slots=True)
class Key:
    """The composite key of one event. `sent` are the values of those columns that are fields, as
    validated; `landed` all of them, as lines write them."""

    asked: str
    sent: Values
    landed: Values

    @property
    def texts(self) -> Mapping[str, str]:
        """For `Warehouse.find`."""
        return {name: _text(value) for name, value in self.landed.items()}

    @property
    def needles(self) -> Sequence[bytes]:
        """What the line of such an event must contain."""
        return [orjson.dumps(value) for value in self.landed.values() if _is_plain(value)]


class Keys:
    """Reads keys of one event type."""

    def __init__(self, contract: Contract, pii_key: bytes | None) -> None:
        self.columns = contract.dedupe.by
        self._contract, self._pii_key = contract, pii_key
        self._encode = {name: encoder(contract.sent.get(name) or contract.landed[name])
                        for name in self.columns}  # fmt: skip

    def said(self, words: Sequence[str]) -> Key:
        """Read `name=value`, once for each column, or one bare value where there is one column.

        Raises:
            UnfitKey: a column is unknown or missing, or a value is none of its type.
        """
        texts: dict[str, str] = {}
        for word in words:
            name, sign, text = word.partition("=")
            if not (sign and name in self.columns) and len(self.columns) == 1:
                name, text = self.columns[0], word
            if name not in self.columns:
                of = f"{self._contract.event}, which is {', '.join(self.columns)}"
                raise UnfitKey(f"{name} is not in the key of {of}")
            texts[name] = text
        if missing := [name for name in self.columns if name not in texts]:
            of = f"the key of {self._contract.event} is {', '.join(self.columns)}"
            say = " ".join(f"--key {name}=…" for name in missing)
            raise UnfitKey(f"{of}; {', '.join(missing)} is missing", f"{of}; say {say}")
        sent = {name: self._parsed(name, text) for name, text in texts.items()}
        asked = ", ".join(f"{name}={text}" for name, text in texts.items())
        return Key(asked, sent, self._land(sent))

    def of_event(self, event: Any) -> Values | None:
        """The key of an event as it was sent, good or bad; None when it has none."""
        sent: Values = {}
        for name in self.columns:
            field = self._contract.fields.get(name)
            if field is None:
                return None
            value = event
            try:
                for step in field.way(name):
                    value = value[step]
                sent[name] = SchemaValidator(core_of(field)).validate_json(json.dumps(value))
            except (LookupError, TypeError, ValueError):  # pydantic's error is a ValueError
                return None
        try:
            return self._land(sent)
        except (TypeError, ValueError):
            return None

    def of_row(self, row: Mapping[str, Any]) -> Values:
        """The key of a row as it lands, before it is written."""
        return {name: self._written(name, row[name]) for name in self.columns}

    def of_line(self, line: Mapping[str, Any]) -> Values:
        """The key of a line of an object."""
        return {name: line.get(name) for name in self.columns}

    def _parsed(self, name: str, text: str) -> Any:
        """Read a value as its field takes it; what is no field's is taken for what lands."""
        field = self._contract.fields.get(name)
        if field is None or _is_hash(text):
            return _literal(text) if self._type(name) in ("integer", "boolean") else text
        if field.type == "uuid":
            text = _uuid(text)
        quoted = json.dumps(text)
        for spelling in (quoted, text) if field.type != "string" else (quoted,):
            try:
                return SchemaValidator(core_of(field)).validate_json(spelling)
            except ValidationError:
                continue
        why = f"«{text}» is no {field.type} as {self._contract.event} has it"
        raise UnfitKey(f"{name}: {why}", f"--key {name}: {why}")

    def _type(self, name: str) -> str:
        return self._contract.landed[name].type

    def _land(self, sent: Values) -> Values:
        """Do to the key what the contract's steps do to the event it is of, as far as they can
        with nothing but the key."""
        contract = self._contract
        columns = contract.sent
        row = {name: None for name in columns} | sent
        for transform in contract.transform:
            if isinstance(transform, Explode):
                break  # the key is that of the event, before it becomes rows
            step = transform.step(columns)
            trial = dict(row)
            try:
                step(trial)
                row = trial
            except Exception:  # it needs more of the event than its key
                pass
            columns = transform.columns(columns)
        landed = {}
        for name in self.columns:
            value = row.get(name)
            landed[name] = self._written(name, sent[name] if value is None else value)
        return landed

    def _written(self, name: str, value: Any) -> Any:
        if self._contract.landed[name].pii == "hash":
            return value if _is_hash(str(value)) else self._hashed(name, str(value))
        change = self._encode[name]
        return value if change is None or isinstance(value, str) else change(value)

    def _hashed(self, name: str, text: str) -> str:
        if self._pii_key is None or len(self._pii_key) < MIN_KEY_BYTES:
            raise Fatal(f"{name} lands as a hash: set {PII_KEY} as the workers have it, or give "
                        "the hash")  # fmt: skip
        return PiiHash(self._pii_key)(text)


def event_in(raw: bytes | str | None, *, base64: bool = False) -> Any:
    """An event as it was sent, as far as it is JSON; None when it is not."""
    try:
        return orjson.loads(b64decode(raw or b"") if base64 else raw or b"")
    except ValueError:
        return None


def _uuid(text: str) -> str:
    """Braces, `urn:uuid:` and missing dashes are other spellings of the same one."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _is_hash(text: str) -> bool:
    return len(text) == HASH_LENGTH and text[8] == ":"


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_plain(value: Any) -> bool:
    """Whether each JSON writer writes it alike."""
    return isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**63)
