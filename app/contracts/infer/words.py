"""Which words of a name tell what a value is."""


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
EVENT_IDS = ("event_id", "message_id", "delivery_id", "uuid", "id")
EVENT_TIMES = ("occurred_at", "happened_at", "event_time", "timestamp", "time", "ts", "sent_at")
