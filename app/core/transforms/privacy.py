"""Steps that make of personal data what may be kept."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from pydantic import Field

from app.core.pii import HASHABLE
from app.core.transforms.columns import (
    About,
    Columns,
    Landing,
    Name,
    Options,
    Row,
    Source,
    Step,
    existing,
    new,
    refused,
    sent_as,
)

WIDEST_IP = 39  # characters of eight groups of an IPv6 address


class Hash(Options):
    """Let only a keyed hash of a value land, in its place or in a new column beside it.

    It is the hash of `pii: hash`, made after all steps: those that come later still see the
    value, and what they make of it is hashed too.
    """

    do: Literal["hash"]
    field: Source
    to: Name | None = None
    about: About | None = None

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, *HASHABLE)
        if self.to is not None:
            new(columns, self.to)
        about = self.about or (f"A keyed hash of {self.field}." if self.to else source.about)
        return {**columns, self.to or self.field: replace(source, about=about, pii="hash")}

    def step(self, columns: Columns) -> Step:
        source, to = self.field, self.to or self.field

        def step(row: Row) -> None:
            row[to] = row[source]

        return step


class TruncateIp(Options):
    """Keep only the network of an IP address, in its place or in a new column beside it.

    `203.0.113.77` becomes `203.0.113.0`. What is left names no person, so it may be kept
    whatever was decided about the address.
    """

    do: Literal["truncate_ip"]
    field: Source
    to: Name | None = None
    # Not more: a network of 25 or 56 bits may be one household.
    ipv4_bits: int = Field(24, ge=1, le=24, description="Leading bits of an IPv4 address to keep.")
    ipv6_bits: int = Field(48, ge=1, le=48, description="Leading bits of an IPv6 address to keep.")
    about: About | None = None

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "string")
        if self.to is not None:
            new(columns, self.to)
        about = self.about or (f"The network of {self.field}." if self.to else source.about)
        network = Landing(
            "string", source.nullable, about, max_length=WIDEST_IP, sent_as=source.sent_as
        )
        return {**columns, self.to or self.field: network}

    def step(self, columns: Columns) -> Step:
        source, to = self.field, self.to or self.field
        told = sent_as(columns, source)
        v4, v6 = _mask(32, self.ipv4_bits), _mask(128, self.ipv6_bits)

        def step(row: Row) -> None:
            value = row[source]
            if value is None:
                row[to] = None
                return
            try:
                address = ip_address(value)
            except ValueError:
                raise refused(told, "must be an IPv4 or IPv6 address") from None
            if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
                address = address.ipv4_mapped  # ::ffff:203.0.113.77, as dual-stack servers say it
            if isinstance(address, IPv4Address):
                row[to] = str(IPv4Address(int(address) & v4))
            else:
                row[to] = str(IPv6Address(int(address) & v6))

        return step


def _mask(width: int, bits: int) -> int:
    return (1 << width) - (1 << (width - bits))
