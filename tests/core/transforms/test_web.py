"""What browsers send is taken apart without surprises."""

import tracemalloc
from typing import Any

import pytest

from app.core.transforms import Columns, Landing

from .running import made

COLUMNS: Columns = {"it": Landing("string", True, "What a browser sent.", "hash")}
PARTS = ["scheme", "host", "port", "path", "query", "fragment"]
NO_URL = "it must be a URL, such as https://example.com/a?b=c"


def parts(url: str) -> Any:
    options = {"do": "url_parts", "field": "it", "parts": PARTS, "prefix": "u_"}
    found = made(COLUMNS, options, it=url)
    return found.get("rejected") or [found[f"u_{part}"] for part in PARTS]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "HTTPS://Ada:pw@Example.COM:8443/a%20b/?q=1&r=?#top",
            ["https", "example.com", 8443, "/a%20b/", "q=1&r=?", "top"],
        ),
        ("https://example.com", ["https", "example.com", None, None, None, None]),
        ("http://[2001:DB8::1]:80/", ["http", "[2001:db8::1]", 80, "/", None, None]),
        ("/search?q=a:b", [None, None, None, "/search", "q=a:b", None]),
        ("//cdn.example.com/x", [None, "cdn.example.com", None, "/x", None, None]),
        ("mailto:ada@example.com", ["mailto", None, None, "ada@example.com", None, None]),
        ("about:blank", ["about", None, None, "blank", None, None]),
        ("http://bücher.example/ü", ["http", "bücher.example", None, "/ü", None, None]),
        ("", [None] * 6),
        ("http://example.com:/", ["http", "example.com", None, "/", None, None]),
        ("http://example.com:99999/", NO_URL),
        ("http://example.com:http/", NO_URL),
        ("http://[::1/", NO_URL),
        ("http://exa mple.com/", NO_URL),
        ("http://a:b:c/", NO_URL),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: Any) -> None:
    assert parts(url) == expected


def agent(header: str, **options: Any) -> dict[str, Any]:
    options = {"parts": ["family", "version", "os", "device"], "prefix": "a_", **options}
    return made(COLUMNS, {"do": "user_agent", "field": "it", **options}, it=header)


IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (IPHONE, ["Mobile Safari", "17.4", "iOS", "iPhone"]),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
            ["Firefox", "131.0", "Linux", None],
        ),
        ("curl/8.5.0", ["curl", "8.5.0", None, None]),
        ("something else", [None] * 4),
        ("", [None] * 4),
    ],
)
def test_a_user_agent_is_recognised(header: str, expected: list[str | None]) -> None:
    assert list(agent(header).values()) == expected


def test_a_header_that_is_too_long_to_remember_is_read_all_the_same() -> None:
    assert agent(IPHONE + " " + "x" * 10_000) == agent(IPHONE)


def test_only_the_wanted_parts_are_added_under_the_fields_name() -> None:
    assert agent(IPHONE, parts=["os"], prefix=None) == {"it_os": "iOS"}


def test_what_is_remembered_of_headers_stays_small() -> None:
    agent(IPHONE)
    tracemalloc.start()
    for number in range(3_000):
        agent(f"{number} " + "x" * 500)
    for number in range(40):
        agent(f"{number} " + "x" * 262_144)  # 10 MB of them
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 6_000_000


def ip(address: str, **bits: int) -> Any:
    found = made(COLUMNS, {"do": "truncate_ip", "field": "it", **bits}, it=address)
    return found.get("rejected", found.get("it", address))


@pytest.mark.parametrize(
    ("address", "bits", "expected"),
    [
        ("203.0.113.77", {}, "203.0.113.0"),
        ("203.0.113.77", {"ipv4_bits": 16}, "203.0.0.0"),
        ("2001:db8:1:2:3::4", {}, "2001:db8:1::"),
        ("2001:db8:1:2:3::4", {"ipv6_bits": 32}, "2001:db8::"),
        ("::ffff:203.0.113.77", {}, "203.0.113.0"),
        ("fe80::1%eth0", {}, "fe80::"),
        ("203.0.113", {}, "it must be an IPv4 or IPv6 address"),
        ("203.0.113.077", {}, "it must be an IPv4 or IPv6 address"),
        ("1.2.3.4/8", {}, "it must be an IPv4 or IPv6 address"),
    ],
)
def test_an_address_is_cut_to_its_network(
    address: str, bits: dict[str, int], expected: str
) -> None:
    assert ip(address, **bits) == expected
