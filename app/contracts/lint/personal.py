"""Rules on personal data: decisions that do not look like one."""

from collections.abc import Iterator

from app.contracts.fields import Field
from app.contracts.lint.advice import Found, Rule, Subject, every_field

# A name is read word by word, from its end.
PERSONAL = {
    "email": "an e-mail address", "mail": "an e-mail address", "phone": "a phone number",
    "mobile": "a phone number", "msisdn": "a phone number", "fax": "a phone number",
    "ip": "a network address", "ipv4": "a network address", "ipv6": "a network address",
    "address": "an address", "street": "an address", "postcode": "an address",
    "zip": "an address", "latitude": "a place", "longitude": "a place", "lat": "a place",
    "lng": "a place", "lon": "a place", "name": "a name", "surname": "a name",
    "firstname": "a name", "lastname": "a name", "fullname": "a name", "username": "a name",
    "nickname": "a name", "login": "a name", "birthday": "a date of birth",
    "birthdate": "a date of birth", "birth": "a date of birth", "dob": "a date of birth",
    "gender": "something about a person", "ssn": "a person's number", "iban": "an account",
    "passport": "a person's number", "password": "a secret", "passwd": "a secret",
    "secret": "a secret", "token": "a secret", "cookie": "a secret", "jwt": "a secret",
    "authorization": "a secret", "apikey": "a secret", "pin": "a secret", "otp": "a secret",
}  # fmt: skip
SINGULAR = {f"{word}s": word for word in PERSONAL} | {"addresses": "address"}
FORMATS = {"email": "an e-mail address", "ip": "a network address"}
# names that belong to things: product_name, mail_type, token_count
THINGS = frozenset({
    "app", "branch", "brand", "bucket", "campaign", "carrier", "category", "channel", "city",
    "class", "cluster", "column", "command", "company", "container", "country", "currency",
    "domain", "environment", "event", "experiment", "feature", "file", "function", "group",
    "host", "image", "job", "kind", "label", "list", "method", "metric", "model", "module",
    "namespace", "network", "node", "package", "page", "plan", "pod", "product", "provider",
    "queue", "region", "release", "repo", "repository", "role", "screen", "segment", "service",
    "shop", "state", "station", "status", "step", "store", "table", "tag", "team", "template",
    "topic", "type", "unit", "variant", "version", "workflow",
})  # fmt: skip
ENDINGS = frozenset({
    "at", "changed", "count", "country", "domain", "enabled", "format", "hash", "kind",
    "length", "on", "present", "provider", "region", "set", "size", "source", "state", "status",
    "type", "valid", "verified", "version",
})  # fmt: skip
TRANSFORMS = frozenset({"hash", "truncate_ip"})  # what these leave behind is no longer in clear


def _in_clear(subject: Subject) -> Found:
    changed = {
        getattr(transform, "field", "")
        for transform in subject.contract.transform
        if transform.do in TRANSFORMS and getattr(transform, "to", None) is None
    }
    for where, name, field in _landing(subject):
        what = _personal(name, field)
        if what is not None and where.removeprefix("fields.") not in changed:
            yield f"{where}.pii", f"«{name}» looks like {what}, and lands in clear; hash or drop it"


def _landing(subject: Subject) -> Iterator[tuple[str, str, Field]]:
    """The fields that land as they are sent: not dropped or hashed, nor in what is."""
    hidden: list[str] = []
    for where, name, field in every_field(subject.contract):
        if field.pii in ("drop", "hash"):
            hidden.append(f"{where}.")
        elif not any(where.startswith(outer) for outer in hidden):
            yield where, name, field


def _personal(name: str, field: Field) -> str | None:
    if field.type in ("boolean", "list", "object") or getattr(field, "one_of", None) is not None:
        return None
    told = getattr(field, "format", None)
    if told is not None:
        return FORMATS.get(told)
    words = [SINGULAR.get(word, word) for word in name.lower().split("_")]
    if words[-1] in ENDINGS:
        return None
    found = next((word for word in reversed(words) if word in PERSONAL), None)
    if found is None or (field.type == "timestamp" and found != "birth"):
        return None
    if PERSONAL[found] in ("a name", "an address") and THINGS & set(words):
        return None
    return PERSONAL[found]


def _hashed_choice(subject: Subject) -> Found:
    for where, name, field in every_field(subject.contract):
        one_of = getattr(field, "one_of", None)
        if field.pii == "hash" and one_of is not None:
            yield (
                f"{where}.pii",
                f"a hash of one of {len(one_of)} values hides little: whoever counts them knows "
                f"which is which; keep «{name}», or drop it",
            )


def _secret_hashed(subject: Subject) -> Found:
    for where, name, field in every_field(subject.contract):
        words = set(name.lower().split("_"))
        if field.pii == "hash" and any(PERSONAL.get(word) == "a secret" for word in words):
            yield f"{where}.pii", f"«{name}» looks like a secret, of no use to anybody; drop it"


RULES = (
    Rule("pii-clear", "What names, reaches or finds a person should not land in clear.",
         _in_clear),
    Rule("pii-hashed-choice", "A hash of a few known values is the values under other names.",
         _hashed_choice),
    Rule("pii-secret", "A password or token in an event is a leak, hashed or not.",
         _secret_hashed),
)  # fmt: skip
