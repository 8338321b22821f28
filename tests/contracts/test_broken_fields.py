"""Each broken field of a topic file says what to do about it."""

from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .test_broken_files import LABEL, SCAN_ID, WEIGHT
from .topic_files import changed, write

TYPES = (
    "'string', 'integer', 'number', 'decimal', 'boolean', 'uuid', 'timestamp', 'date', 'json', "
    "'list', 'object'"
)

# what is broken: (old text, new text, message after the file's name)
CHANGED: dict[str, tuple[str, str, str]] = {
    "an unknown type": (
        SCAN_ID,
        "  scan_id:\n    type: guid\n",
        f"fields.scan_id.type: must be one of {TYPES}; did you mean «uuid»?",
    ),
    "no type": (SCAN_ID, "  scan_id:\n", "fields.scan_id.type: is missing; add it"),
    "no about": (
        "    about: The number on the label.\n",
        "",
        "fields.parcel_id.about: is missing; add it",
    ),
    "an about that says nothing": (
        "about: The number on the label.",
        "about: Number.",
        "fields.parcel_id.about: must have at least 10 characters",
    ),
    "a field name in capitals": (
        "  weight_grams:",
        "  weightGrams:",
        "fields.weightGrams: must be lower-case words with underscores, such as order_placed",
    ),
    "a field name with an underscore in front": (
        "  weight_grams:",
        "  _weight:",
        "fields._weight: must be lower-case words with underscores, such as order_placed",
    ),
    "a field called day": (
        "  weight_grams:",
        "  day:",
        "fields.day: «day» is the table's own column; choose another name",
    ),
    "a string without a pii decision": (
        "    pii: keep\n",
        "",
        "fields.parcel_id.pii: is missing; a string needs keep, hash or drop",
    ),
    "a json without a pii decision": (
        "    type: integer\n" + WEIGHT,
        "    type: json\n",
        "fields.weight_grams.pii: is missing; a json needs keep, hash or drop",
    ),
    "an unknown pii decision": (
        "pii: keep",
        "pii: maybe",
        "fields.parcel_id.pii: must be 'keep', 'hash' or 'drop'",
    ),
    "a hash of what can not be hashed": (
        "  scanned_at:\n    type: timestamp\n",
        "  scanned_at:\n    type: timestamp\n    pii: hash\n",
        "fields.scanned_at.pii: a timestamp can not be hashed; keep or drop it",
    ),
    "bounds that cross": (
        "minimum: 1\n",
        "minimum: 100001\n",
        "fields.weight_grams.minimum: 100001 is more than maximum 100000; no value would fit",
    ),
    "an integer beyond the warehouse's": (
        "maximum: 100000\n",
        f"maximum: {10**38}\n",
        f"fields.weight_grams.maximum: must be {10**38 - 1} or less",
    ),
    "a decimal with more places than digits": (
        "    type: integer\n" + WEIGHT,
        "    type: decimal\n    precision: 2\n    scale: 3\n",
        "fields.weight_grams.scale: 3 is more than precision 2",
    ),
    "a decimal without scale": (
        "    type: integer\n" + WEIGHT,
        "    type: decimal\n",
        "fields.weight_grams.scale: is missing; add it",
    ),
    "a string of no length": (
        "max_length: 20",
        "max_length: 0",
        "fields.parcel_id.max_length: must be more than 0",
    ),
    "a pattern that is none": (
        LABEL,
        '    pattern: "[a-"\n',
        "fields.parcel_id.pattern: no regular expression that Rust's regex understands",
    ),
    "a list of values and a length": (
        LABEL,
        LABEL + "    one_of: [P1]\n",
        "fields.parcel_id.one_of: says it all; remove max_length",
    ),
    "a list that names a value twice": (
        LABEL,
        "    one_of: [P1, P1]\n",
        "fields.parcel_id.one_of: names a value twice",
    ),
    "a list of values that are not text": (
        LABEL,
        "    one_of: [1]\n",
        "fields.parcel_id.one_of.0: must be text; put it in quotes",
    ),
    "optional in words": (
        "optional: true",
        "optional: yes",
        "fields.weight_grams.optional: must be true or false",
    ),
}

# what is broken: (the field `note`, message after the file's name and `fields.note.`)
BROKEN: dict[str, tuple[str, str]] = {
    "a format that there is none of": (
        "type: string, pii: keep, format: phone",
        "format: must be 'email', 'url', 'ip', 'country', 'currency' or 'language'",
    ),
    "a unit of time since 1970 that there is none of": (
        "type: timestamp, epoch: minutes",
        "epoch: must be 'seconds' or 'milliseconds'",
    ),
    "a number since 1970 with a time zone": (
        "type: timestamp, epoch: seconds, timezone: Europe/Berlin",
        "timezone: seconds since 1970 are the same everywhere; remove it",
    ),
    "a time zone of a clock that there is none of": (
        "type: timestamp, timezone: Europe/Atlantis",
        "timezone: no time zone «Europe/Atlantis»; use a name such as Europe/Berlin or UTC",
    ),
    "deprecated without a day": (
        "type: boolean, deprecated: true",
        "deprecated: must be a day such as 2026-06-30",
    ),
    "deprecated on a day in words": (
        "type: boolean, deprecated: soon",
        "deprecated: must be a day such as 2026-06-30",
    ),
    "deprecated on a day that never was": (
        "type: boolean, deprecated: 2026-02-30",
        "deprecated: must be a day such as 2026-06-30",
    ),
    "a lenient uuid": ("type: uuid, lenient: true", "lenient: does not belong here; remove it"),
    "lenient in words": ("type: integer, lenient: 'yes'", "lenient: must be true or false"),
    "lengths that cross": (
        "type: string, pii: keep, min_length: 3, max_length: 2",
        "min_length: 3 is more than max_length 2; no value would fit",
    ),
    "a least length of nothing": (
        "type: string, pii: keep, min_length: 0",
        "min_length: must be more than 0",
    ),
    "a list of values and a format": (
        "type: string, pii: keep, one_of: [DE], format: country, min_length: 2",
        "one_of: says it all; remove format and min_length",
    ),
    "bounds of a decimal that cross": (
        "type: decimal, scale: 2, minimum: 2, maximum: 1.5",
        "minimum: 2 is more than maximum 1.5; no value would fit",
    ),
    "a bound that no value of a decimal reaches": (
        "type: decimal, precision: 5, scale: 2, minimum: 1000",
        "minimum: has more than the 3 digits before the point that a value may have",
    ),
    "a bound in words": ("type: decimal, scale: 2, minimum: much", "minimum: must be a number"),
    "a bound that is no number": (
        "type: decimal, scale: 2, minimum: NaN",
        "minimum: must be a finite number",
    ),
}


def with_note(options: str) -> str:
    """The parcel with a field `note` of these options."""
    return changed(("kafka: {key", f"  note: {{{options}, {ABOUT}}}\nkafka: {{key"))


ABOUT = "about: A word of the driver"


def said(folder: Path, text: str) -> str:
    """What is wrong with a file, after its name."""
    write(folder, {"parcel_scanned.yaml": text})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    return str(caught.value).removeprefix(f"{folder / 'parcel_scanned.yaml'}: ")


@pytest.mark.parametrize("what", CHANGED)
def test_a_broken_file_says_what_to_do(what: str, tmp_path: Path) -> None:
    old, new, message = CHANGED[what]
    assert said(tmp_path, changed((old, new))) == message


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_field_says_what_to_do(what: str, tmp_path: Path) -> None:
    options, message = BROKEN[what]
    assert said(tmp_path, with_note(options)) == f"fields.note.{message}"


@pytest.mark.parametrize(
    ("named", "ours"),
    [
        *(("datetime", "timestamp"), ("text", "string"), ("int", "integer"), ("float", "number")),
        *(("bool", "boolean"), ("money", "decimal"), ("array", "list"), ("dict", "object")),
        *(("map", "object"), ("intger", "integer")),
    ],
)
def test_a_type_of_other_languages_is_told_by_our_name(
    named: str, ours: str, tmp_path: Path
) -> None:
    text = changed(("type: uuid", f"type: {named}"))
    with pytest.raises(Fatal, match=f"; did you mean «{ours}»"):
        load_contracts(write(tmp_path, {"parcel_scanned.yaml": text}))


def test_a_space_that_is_missing_after_a_colon_is_told(tmp_path: Path) -> None:
    field = "fields:\n  seen_by: {type:string, pii: keep, about: Who saw it.}\n"
    text = changed(("fields:\n", field), ("owners: {team: ", "owners: {team:"))
    folder = write(tmp_path, {"parcel_scanned.yaml": text})
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value).replace(f"{folder}/parcel_scanned.yaml: ", "").splitlines() == [
        "owners.team: a space is missing after team:",
        "owners.team:logistics: unknown key; is a space missing after its colon?",
        "fields.seen_by.type: a space is missing after type:",
    ]
