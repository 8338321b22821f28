"""What names say: the words of a key, and which of them tell what a value is."""

import re


def words_of(name: str) -> list[str]:
    """Split a name as people read it: `createdAt` and `created_at` are the same."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().replace("-", "_").split("_")


def _all(words: str) -> frozenset[str]:
    return frozenset(words.split())


IDS = _all("id uuid guid key number sha")
MONEY = _all("amount balance cost discount fee net gross price rate revenue tax total")
TIMELY = _all("at time timestamp ts date epoch created updated modified pushed")
HARMLESS = _all(
    "action category event kind level method mode platform reason sha state status type unit "
    "version visibility"
)
PERSONAL = _all(
    "address author city customer email ip login mail name nick nickname owner person phone user "
    "username zip"
)
TELLING = IDS | _all(
    "name login slug code sku email type kind action state status reason event category currency "
    "country language amount total price count quantity at time timestamp date ts version ref title"
)
