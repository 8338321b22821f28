"""The catalogue's web pages: complete, linked, searchable, and safe whatever a topic file says."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from app.contracts.catalogue.site import site
from app.contracts.load import load_contracts

from .everything import contract as everything
from .topic_files import changed, load

SHIPPED = load_contracts(Path(__file__).parents[2] / "topics")
FILES = dict(site(SHIPPED))


class Seen(HTMLParser):
    """The links, scripts and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_each_event_type_and_each_app_has_a_page() -> None:
    expected = {f"events/{event}.html" for event in SHIPPED}
    expected |= {f"apps/{contract.app}.html" for contract in SHIPPED.values()}
    assert {name for name in FILES if "/" in name} == expected
    for event in SHIPPED:
        assert f'href="events/{event}.html"' in FILES["index.html"]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".html")])
def test_each_link_leads_to_a_file_of_the_site_and_none_to_another_host(name: str) -> None:
    for link in Seen(FILES[name]).links:
        if link == "data:,":
            continue
        assert "//" not in link
        target = PurePosixPath(name).parent / link
        parts: list[str] = []
        for part in target.parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        assert "/".join(parts) in FILES


def test_a_page_tells_how_to_send_and_how_to_query() -> None:
    text = FILES["events/order_placed.html"]
    assert "curl -i localhost:8080/v1/events/order_placed" in text
    assert "FROM RAW.ORDER_PLACED" in text
    assert "Cut white space from both ends of a string." in text


def test_what_a_topic_file_says_is_text_and_never_markup(tmp_path: Path) -> None:
    evil = 'about: <script>alert("1")</script> and </script> of the label.'
    contracts = load(tmp_path, changed(("about: The number on the label.", evil)))
    files = dict(site(contracts))
    assert Seen(files["events/parcel_scanned.html"]).tags.count("script") == 2  # its own two
    assert "</script" not in files["words.js"]


def test_a_search_knows_names_fields_owners_and_meanings() -> None:
    found = re.fullmatch(r"const WORDS = (.*);\n", FILES["words.js"])
    assert found is not None
    words = {one["event"]: one["words"] for one in json.loads(found[1])}
    assert set(words) == set(SHIPPED)
    for part in ("order_placed", "shop", "checkout-data", "receipt_email", "the receipt was sent"):
        assert part in words["order_placed"]


def test_everything_a_contract_may_say_has_a_place_on_its_page() -> None:
    contract = everything()
    text = dict(site({contract.event: contract}))[f"events/{contract.event}.html"]
    for name in contract.fields:
        assert f"<code>{name}</code>" in text
