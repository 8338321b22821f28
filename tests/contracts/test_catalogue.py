"""The catalogue's web pages: complete, linked, searchable, and safe whatever a topic file says."""

import json
import re
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from app.contracts.catalogue.page import event_page
from app.contracts.catalogue.site import site
from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import Contracts, load_contracts
from app.core.judge import Accepted, judge

from .everything import contract as everything
from .topic_files import PARCEL, changed, load

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


def test_what_the_shell_sends_by_the_line_of_a_page_is_accepted_today() -> None:
    for event, body in sent_by_shell(SHIPPED).items():
        kind = compile_contract(SHIPPED[event], EXAMPLE_PII_KEY)
        verdict = judge(kind, body, datetime.now(UTC))
        assert isinstance(verdict, Accepted), (event, verdict)


@pytest.mark.parametrize(("epoch", "then"), [("seconds", 1772366400), ("milliseconds", 10**12)])
def test_a_moment_that_is_sent_as_a_number_deep_inside_is_so_too(
    tmp_path: Path, epoch: str, then: int
) -> None:
    text = PARCEL.replace(
        "type: timestamp", f"type: timestamp\n    epoch: {epoch}\n    path: at.0.is"
    )
    text = text.replace('scanned_at: "2026-03-01T23:59:58Z"', f"at: [{{is: {then}}}]")
    contracts = load(tmp_path, text.replace('" P1"', '"it\'s P1"', 1))
    [body] = sent_by_shell(contracts).values()
    assert json.loads(body)["parcel_id"] == "it's P1"
    kind = compile_contract(contracts["parcel_scanned"], EXAMPLE_PII_KEY)
    assert isinstance(judge(kind, body, datetime.now(UTC)), Accepted)


def sent_by_shell(contracts: Contracts) -> dict[str, bytes]:
    """What `curl` would get as the body, by event, if a shell ran the line of each page."""
    pages = map(event_page, contracts.values())
    lines = [page.partition("```sh\n")[2].partition("```")[0] for page in pages]
    curl = "curl() { for last; do :; done; printf '%s\\0' \"$last\"; }\n"
    shell = subprocess.run(["bash"], input=(curl + "".join(lines)).encode(), stdout=-1, check=True)
    return dict(zip(contracts, shell.stdout.split(b"\0")[:-1], strict=True))


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


def test_the_page_of_a_type_with_an_objective_says_how_far_behind_its_table_may_be(
    tmp_path: Path,
) -> None:
    contracts = load(tmp_path, changed(("every: 15m}\n", "every: 15m}\nfreshness: 45m\n")))
    page = dict(site(contracts))["events/parcel_scanned.html"]
    assert "brought up to date every 15m, 45m behind at most" in page
    assert "behind at most" not in FILES["events/order_placed.html"]


def test_everything_a_contract_may_say_has_a_place_on_its_page() -> None:
    contract = everything()
    text = dict(site({contract.event: contract}))[f"events/{contract.event}.html"]
    for name in contract.fields:
        assert f"<code>{name}</code>" in text
