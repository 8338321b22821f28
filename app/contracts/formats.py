"""What a string may be, beyond text: the codes come from lists that others keep up to date.

Countries come from the time zone database (`tzdata`), which has ISO 3166 as it stands; currencies
from ISO's own table (`iso4217`); languages from the IANA registry (`langcodes`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any

from pydantic_core import SchemaValidator, core_schema

from app.contracts.fields import FormatName

ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\\]+")
TAG = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*")
_url = SchemaValidator(core_schema.url_schema(host_required=True)).isinstance_python


@dataclass(frozen=True, slots=True)
class Format:
    """`form` says what the text must be, `fits` whether it is that, `schema` is JSON Schema's."""

    form: str
    fits: Callable[[str], bool]
    schema: dict[str, Any]


@lru_cache(maxsize=4096)
def is_email(text: str) -> bool:
    """Whether it is an address of the internet, without a display name."""
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def is_url(text: str) -> bool:
    """Whether it has a scheme and a host, and nothing that a browser would have to mend."""
    return ABSOLUTE.fullmatch(text) is not None and _url(text)


def is_ip(text: str) -> bool:
    """Whether it is an address of IPv4 or IPv6, without a network or a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@cache
def countries() -> frozenset[str]:
    """The two-letter codes of ISO 3166-1."""
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and line[0] != "#")


@cache
def currencies() -> frozenset[str]:
    """The three-letter codes of ISO 4217."""
    from iso4217 import Currency

    return frozenset(currency.code for currency in Currency)


@lru_cache(maxsize=4096)
def is_language(text: str) -> bool:
    """Whether it is a BCP 47 tag whose parts are all registered."""
    from langcodes import tag_is_valid

    return TAG.fullmatch(text) is not None and tag_is_valid(text)


FORMATS: dict[FormatName, Format] = {
    "email": Format(
        "must be an e-mail address in a string, such as ada@example.com",
        is_email,
        {"format": "email"},
    ),
    "url": Format(
        "must be an absolute URL in a string, such as https://example.com/path",
        is_url,
        {"format": "uri"},
    ),
    "ip": Format(
        "must be an IPv4 or IPv6 address in a string",
        is_ip,
        {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    ),
    "country": Format(
        "must be the two capital letters of a country in ISO 3166, such as DE",
        lambda text: text in countries(),
        {"pattern": "^[A-Z]{2}$"},
    ),
    "currency": Format(
        "must be the three capital letters of a currency in ISO 4217, such as EUR",
        lambda text: text in currencies(),
        {"pattern": "^[A-Z]{3}$"},
    ),
    "language": Format(
        "must be a language tag of BCP 47, such as de or de-CH",
        is_language,
        {"pattern": "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$"},
    ),
}
