"""One topic file, and many ways to change it, each with what `forebay topics diff` says of it."""

from typing import NamedTuple

from .topic_files import changed

BASE = """\
event: parcel_scanned
version: 1
summary: A parcel passed a scanner on its way.
app: depot
owners: {team: logistics, chat: "#logistics"}
unknown: reject
fields:
  scan_id: {type: uuid, about: "Made by the scanner, and the same on every retry."}
  scanned_at: {type: timestamp, about: "When the parcel passed, by the scanner's clock."}
  arrived_at: {type: timestamp, optional: true, about: "When it came to the depot."}
  parcel_id: {type: string, max_length: 20, pii: keep, about: The number on the label.}
  belt: {type: integer, minimum: 1, maximum: 90, about: The belt it was on.}
  weight: {type: integer, minimum: 1, optional: true, about: "In grams, by the scales."}
  sort: {type: string, one_of: [letter, parcel, bag], pii: keep, about: What kind of thing it is.}
  label: {type: string, pattern: "^L[0-9]{1,6}$", pii: keep, about: The label of its route.}
  price: {type: decimal, precision: 10, scale: 2, optional: true, about: What was paid for it.}
  score: {type: number, minimum: 0, maximum: 1, optional: true, about: How sure the scanner is.}
  fragile: {type: boolean, about: Whether it may break.}
  due_on: {type: date, optional: true, about: The day it was promised for.}
  note: {type: string, max_length: 50, pii: drop, optional: true, about: What the sender wrote.}
  sender: {type: string, max_length: 80, pii: hash, about: Who sent it.}
  route: {type: string, max_length: 9, pii: keep, optional: true, about: Its route by code.}
  count: {type: integer, default: 1, about: How many are in it.}
  tree: {type: json, pii: keep, optional: true, about: What the scanner says of itself.}
  stops: {type: list, items: {type: string, max_length: 9, pii: keep}, max_items: 9, optional: true,
          about: Where it has been.}
  box:
    type: object
    optional: true
    about: The box that it is in.
    fields:
      height: {type: integer, minimum: 1, about: In millimetres.}
      colour: {type: string, max_length: 9, pii: keep, optional: true, about: As one sees it.}
kafka: {key: parcel_id, size: small, retention_days: 7, max_event_bytes: 9000}
dedupe: {by: [scan_id], keep: first, remember_days: 3}
day: {from: scanned_at, timezone: UTC, late_days: 3, early_minutes: 60}
transform:
  - {do: trim, field: route}
warehouse: {table: RAW.PARCEL_SCANNED, cluster_by: [sort]}
load: {every: 15m}
examples:
  - name: on the belt
    given: {scan_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, scanned_at: "2026-03-01T23:59:58Z",
            parcel_id: P1, belt: 3, sort: bag, label: L1, fragile: true, sender: Shop}
    row: {day: "2026-03-01", parcel_id: P1}
  - name: nothing at all
    given: {}
    rejected: {reason: schema}
"""
SAFE, VERSION, UNSAFE = "safe", "new version", "unsafe"


class Case(NamedTuple):
    """`says` are the places with their verdicts, all of them."""

    changes: list[tuple[str, str]]
    says: dict[str, str]

    @property
    def text(self) -> str:
        return changed(*self.changes, text=BASE)

    @property
    def worst(self) -> str:
        return max(self.says.values(), key=[SAFE, VERSION, UNSAFE].index, default=SAFE)


def where(old: str, new: str, says: dict[str, str]) -> Case:
    return Case([(old, new)], says)


DUE_ON = "  due_on: {type: date, optional: true, about: The day it was promised for.}\n"
FRAGILE = "  fragile: {type: boolean, about: Whether it may break.}\n"
COLOUR = "colour: {type: string, max_length: 9, pii: keep"
TRIM = "  - {do: trim, field: route}"
WEIGHT = "weight: {type: integer, minimum: 1, optional: true"
FLAVOUR = (
    "  flavour: {type: string, max_length: 9, pii: keep, %sabout: As one tastes it.}\nkafka: {key"
)
BOX = ("      height:", "      depth: {type: integer, %sabout: In millimetres.}\n      height:")

# fmt: off
CASES: dict[str, Case] = {
    # words
    "another summary": where("A parcel passed", "A parcel went past", {"summary": SAFE}),
    "another about": where("The number on the label.", "The number of the label.",
                           {"fields.parcel_id.about": SAFE}),
    "other owners": where("team: logistics", "team: parcels", {"owners.team": SAFE}),
    "loaded more often": where("every: 15m", "every: 5m", {"load.every": SAFE}),
    "an objective": where("load: {every: 15m}", "load: {every: 15m}\nfreshness: 45m",
                          {"freshness": SAFE}),
    "rows kept for a year": where("cluster_by: [sort]}", "cluster_by: [sort], retention_days: 365}",
                                  {"warehouse.retention_days": SAFE}),
    "clustered otherwise": where("[sort]}", "[belt]}", {"warehouse.cluster_by": SAFE}),

    # fields that come and go
    "a new optional field": where("kafka: {key", FLAVOUR % "optional: true, ",
                                  {"fields.flavour": SAFE, "column flavour": SAFE}),
    "a new field with a default": where("kafka: {key", FLAVOUR % "default: sweet, ",
                                        {"fields.flavour": SAFE, "column flavour": SAFE}),
    "a new required field": where("kafka: {key", FLAVOUR % "",
                                  {"fields.flavour": VERSION, "column flavour": SAFE}),
    "a new field that is dropped": where(
        "kafka: {key", (FLAVOUR % "optional: true, ").replace("pii: keep", "pii: drop"),
        {"fields.flavour": SAFE}),
    "an optional field is gone": where(
        DUE_ON, "",
        {"fields.due_on": VERSION, "column due_on": SAFE}),
    "a required field is gone": where(
        FRAGILE, "",
        {"fields.fragile": VERSION, "column fragile": SAFE}),
    "a field is gone, and what is unknown is dropped": Case(
        [(DUE_ON, ""),
         ("unknown: reject", "unknown: drop")],
        {"fields.due_on": SAFE, "column due_on": SAFE, "unknown": SAFE}),
    "a column under another name": where(
        "  due_on: {type: date, ", "  promised: {path: due_on, type: date, ",
        {"fields.promised": SAFE, "column promised": SAFE, "column due_on": SAFE}),
    "lifted from another place": where("  due_on: {type: date, ",
                                       "  due_on: {path: promise.day, type: date, ",
                                       {"fields.due_on.path": VERSION}),
    "other columns in front": Case(
        [(FRAGILE, ""), ("  scan_id: {", FRAGILE + "  scan_id: {")], {}),

    # must it be there?
    "optional becomes required": where("minimum: 1, optional: true, about: \"In",
                                       "minimum: 1, about: \"In",
                                       {"fields.weight": VERSION, "column weight": SAFE}),
    "required becomes optional": where("fragile: {type: boolean,",
                                       "fragile: {type: boolean, optional: true,",
                                       {"fields.fragile": SAFE, "column fragile": SAFE}),
    "optional becomes a default": where("weight: {type: integer, minimum: 1, optional: true",
                                        "weight: {type: integer, minimum: 1, default: 1",
                                        {"fields.weight": SAFE, "column weight": SAFE}),
    "another default": where("default: 1,", "default: 2,", {"fields.count": SAFE}),
    "a default becomes optional": where("default: 1,", "optional: true,",
                                        {"fields.count": SAFE, "column count": SAFE}),
    "a default is gone": where("default: 1,", "", {"fields.count": VERSION}),
    "deprecated": where("due_on: {type: date,", "due_on: {type: date, deprecated: 2026-06-30,",
                        {"fields.due_on.deprecated": SAFE}),

    # values
    "longer text": where("parcel_id: {type: string, max_length: 20",
                         "parcel_id: {type: string, max_length: 40",
                         {"fields.parcel_id.max_length": SAFE, "column parcel_id": SAFE}),
    "text of any length": where("parcel_id: {type: string, max_length: 20,",
                                "parcel_id: {type: string,",
                                {"fields.parcel_id.max_length": SAFE, "column parcel_id": SAFE}),
    "shorter text": where("parcel_id: {type: string, max_length: 20",
                          "parcel_id: {type: string, max_length: 2",
                          {"fields.parcel_id.max_length": VERSION}),
    "text at least so long": where("parcel_id: {type: string,",
                                   "parcel_id: {type: string, min_length: 9,",
                                   {"fields.parcel_id.min_length": VERSION}),
    "another pattern": where("^L[0-9]{1,6}$", "^L[0-4]{1,6}$", {"fields.label.pattern": VERSION}),
    "no pattern": where('pattern: "^L[0-9]{1,6}$", ', "", {"fields.label.pattern": SAFE}),
    "a pattern": where("parcel_id: {type: string,", 'parcel_id: {type: string, pattern: "^P",',
                       {"fields.parcel_id.pattern": VERSION}),
    "one more of the values": where("[letter, parcel, bag]", "[letter, parcel, bag, box]",
                                    {"fields.sort.one_of": SAFE}),
    "one less of the values": where("[letter, parcel, bag]", "[letter, bag]",
                                    {"fields.sort.one_of": VERSION}),
    "values in another order": where("[letter, parcel, bag]", "[bag, parcel, letter]",
                                     {"fields.sort.one_of": SAFE}),
    "any value": where("one_of: [letter, parcel, bag], ", "", {"fields.sort.one_of": SAFE}),
    "a larger maximum": where("maximum: 90", "maximum: 900", {"fields.belt.maximum": SAFE}),
    "a smaller maximum": where("maximum: 90", "maximum: 9", {"fields.belt.maximum": VERSION}),
    "a larger minimum": where("number, minimum: 0", "number, minimum: 0.5",
                              {"fields.score.minimum": VERSION}),
    "no bounds": where("minimum: 1, maximum: 90, ", "",
                       {"fields.belt.minimum": SAFE, "fields.belt.maximum": SAFE}),
    "more digits": where("precision: 10", "precision: 12",
                         {"fields.price.precision": SAFE, "column price": SAFE}),
    "fewer digits": where("precision: 10", "precision: 3",
                          {"fields.price.precision": VERSION, "column price": UNSAFE}),
    "more places": where("precision: 10, scale: 2", "precision: 12, scale: 4",
                         {"fields.price.precision": SAFE, "fields.price.scale": SAFE,
                          "column price": UNSAFE}),
    "fewer places": where("scale: 2", "scale: 1",
                          {"fields.price.scale": VERSION, "column price": UNSAFE}),
    "lenient": where("belt: {type: integer,", "belt: {type: integer, lenient: true,",
                     {"fields.belt.lenient": SAFE}),

    "a format": where("parcel_id: {type: string,", "parcel_id: {type: string, format: email,",
                      {"fields.parcel_id.format": VERSION}),
    "a local time": where("arrived_at: {type: timestamp,",
                          "arrived_at: {type: timestamp, timezone: Europe/Berlin,",
                          {"fields.arrived_at.timezone": SAFE}),
    "a number since 1970": where("arrived_at: {type: timestamp,",
                                 "arrived_at: {type: timestamp, epoch: seconds,",
                                 {"fields.arrived_at.epoch": VERSION}),

    # types
    "a whole number becomes text": where("weight: {type: integer, minimum: 1,",
                                         "weight: {type: string, pii: keep,",
                                         {"fields.weight.type": VERSION, "column weight": UNSAFE}),
    "a whole number becomes a number": where("weight: {type: integer", "weight: {type: number",
                                             {"fields.weight.type": VERSION,
                                              "column weight": UNSAFE}),
    "a whole number becomes a decimal": where(
        "weight: {type: integer, minimum: 1,", "weight: {type: decimal, precision: 38, scale: 0,",
        {"fields.weight.type": VERSION}),
    "text becomes a UUID": where("parcel_id: {type: string, max_length: 20, pii: keep,",
                                 "parcel_id: {type: uuid,",
                                 {"fields.parcel_id.type": VERSION, "column parcel_id": UNSAFE}),
    "a date becomes a timestamp": where("due_on: {type: date", "due_on: {type: timestamp",
                                        {"fields.due_on.type": VERSION, "column due_on": UNSAFE}),
    "json becomes a list": where("tree: {type: json, pii: keep,",
                                 "tree: {type: list, items: {type: integer},",
                                 {"fields.tree.type": VERSION}),

    # inside of fields
    "a new optional key of an object": where(BOX[0], BOX[1] % "optional: true, ",
                                             {"fields.box.fields.depth": SAFE}),
    "a new required key of an object": where(BOX[0], BOX[1] % "",
                                             {"fields.box.fields.depth": VERSION}),
    "a key of an object is gone": where(
        f"      {COLOUR}, optional: true, about: As one sees it.}}\n", "",
        {"fields.box.fields.colour": VERSION}),
    "an object takes what it does not know": where(
        "    about: The box", "    unknown: keep\n    about: The box",
        {"fields.box.unknown": SAFE}),
    "a key of an object is narrower": where("height: {type: integer, minimum: 1",
                                            "height: {type: integer, minimum: 900",
                                            {"fields.box.fields.height.minimum": VERSION}),
    "items of a list are shorter": where("items: {type: string, max_length: 9",
                                         "items: {type: string, max_length: 2",
                                         {"fields.stops.items.max_length": VERSION}),
    "a longer list": where("max_items: 9", "max_items: 19", {"fields.stops.max_items": SAFE}),
    "a shorter list": where("max_items: 9", "max_items: 1", {"fields.stops.max_items": VERSION}),
    "text in an object is hashed": where(
        COLOUR, COLOUR.replace("keep", "hash"),
        {"fields.box.fields.colour.pii": UNSAFE}),

    # personal data
    "kept becomes dropped": where("route: {type: string, max_length: 9, pii: keep",
                                  "route: {type: string, max_length: 9, pii: drop",
                                  {"fields.route.pii": SAFE, "column route": SAFE}),
    "kept becomes hashed": where("route: {type: string, max_length: 9, pii: keep",
                                 "route: {type: string, max_length: 9, pii: hash",
                                 {"fields.route.pii": UNSAFE, "column route": SAFE}),
    "hashed becomes kept": where("sender: {type: string, max_length: 80, pii: hash",
                                 "sender: {type: string, max_length: 80, pii: keep",
                                 {"fields.sender.pii": UNSAFE, "column sender": SAFE}),
    "dropped becomes kept": where("note: {type: string, max_length: 50, pii: drop",
                                  "note: {type: string, max_length: 50, pii: keep",
                                  {"fields.note.pii": SAFE, "column note": SAFE}),

    # what no field takes
    "unknown is dropped": where("unknown: reject", "unknown: drop", {"unknown": SAFE}),
    "unknown is kept": where("unknown: reject", "unknown: keep",
                             {"unknown": SAFE, "column _extra": SAFE}),

    # the topic
    "another Kafka key": where("key: parcel_id", "key: sort", {"kafka.key": VERSION}),
    "more partitions": where("size: small", "size: medium", {"kafka.size": VERSION}),
    "kept longer in Kafka": where("retention_days: 7", "retention_days: 9",
                                  {"kafka.retention_days": SAFE}),
    "larger events": where("max_event_bytes: 9000", "max_event_bytes: 20000",
                           {"kafka.max_event_bytes": SAFE}),
    "smaller events": where("max_event_bytes: 9000", "max_event_bytes: 1024",
                            {"kafka.max_event_bytes": VERSION}),

    # identity
    "a key that older rows lack": Case(
        [("by: [scan_id]", "by: [scan_id, flavour]"),
         ("kafka: {key", FLAVOUR % "default: sweet, ")],
        {"fields.flavour": SAFE, "column flavour": SAFE, "dedupe.by": UNSAFE}),
    "a row for each item of a list": Case(
        [(TRIM, f"{TRIM}\n  - {{do: explode, field: stops, index: nth, to: stop}}"),
         ('row: {day: "2026-03-01", parcel_id: P1}', "rows: []")],
        {"explode": UNSAFE, "transform.1": VERSION, "column nth": SAFE, "column stop": SAFE,
         "column stops": SAFE}),
    "a longer key": where("by: [scan_id]", "by: [scan_id, belt]", {"dedupe.by": VERSION}),
    "another key": where("by: [scan_id]", "by: [parcel_id]", {"dedupe.by": UNSAFE}),
    "the newest copy stands": where("keep: first", "keep: last", {"dedupe.keep": VERSION}),
    "remembered longer": where("remember_days: 3", "remember_days: 5",
                               {"dedupe.remember_days": SAFE}),

    # the day
    "another day": Case(
        [("from: scanned_at", "from: arrived_at"),
         ("arrived_at: {type: timestamp, optional: true", "arrived_at: {type: timestamp")],
        {"fields.arrived_at": VERSION, "column arrived_at": SAFE, "day.from": VERSION}),
    "another calendar": where("timezone: UTC", "timezone: Asia/Tokyo", {"day.timezone": VERSION}),
    "later events": Case([("late_days: 3", "late_days: any")], {"day.late_days": SAFE}),
    "no late events": where("late_days: 3", "late_days: 1", {"day.late_days": VERSION}),
    "earlier events": where("early_minutes: 60", "early_minutes: 90", {"day.early_minutes": SAFE}),
    "no early events": where("early_minutes: 60", "early_minutes: 0",
                             {"day.early_minutes": VERSION}),
    "days in runs": where("early_minutes: 60", "early_minutes: 60, runs: true",
                          {"day.runs": UNSAFE}),

    # steps
    "a step that changes values": where(TRIM,
                                        f"{TRIM}\n  - {{do: lower, field: route}}",
                                        {"transform (route)": SAFE, "transform.1": VERSION}),
    "a step less": where("transform:\n  - {do: trim, field: route}\n", "",
                         {"transform (route)": SAFE}),
    "a step that adds a column": where(
        TRIM,
        f"{TRIM}\n  - {{do: date_part, field: scanned_at, part: hour, to: hour}}",
        {"column hour": SAFE}),
    "a step that may refuse": where(
        TRIM,
        f"{TRIM}\n  - {{do: map, field: route, values: {{A: north}}}}",
        {"transform (route)": SAFE, "transform.1": VERSION, "column route": SAFE}),
    "a step that translates all": where(
        TRIM,
        f"{TRIM}\n  - {{do: map, field: route, values: {{A: north}}, default: ~}}",
        {"transform (route)": SAFE, "column route": SAFE}),
    "a step that names a column": where(
        TRIM, f"{TRIM}\n  - {{do: rename, field: belt, to: line}}",
        {"column line": SAFE, "column belt": SAFE}),

    "a step that leaves events out": where(
        TRIM,
        f"{TRIM}\n  - {{do: drop_event, if: {{field: belt, at_least: 80}}, why: Belts of tests.}}",
        {"transform.1": SAFE}),

    # the table
    "another table": where("table: RAW.PARCEL_SCANNED", "table: RAW.PARCELS",
                           {"warehouse.table": UNSAFE}),
    "another table with shorter text": Case(
        [("table: RAW.PARCEL_SCANNED", "table: RAW.PARCELS"),
         ("parcel_id: {type: string, max_length: 20", "parcel_id: {type: string, max_length: 2")],
        {"warehouse.table": UNSAFE, "fields.parcel_id.max_length": VERSION,
         "column parcel_id": UNSAFE}),
    "another table with a required column": Case(
        [("table: RAW.PARCEL_SCANNED", "table: RAW.PARCELS"),
         (WEIGHT, WEIGHT.replace(", optional: true", ""))],
        {"warehouse.table": UNSAFE, "fields.weight": VERSION}),

    # the version
    "a version, and a narrower field": Case(
        [("version: 1", "version: 2"), ("maximum: 90", "maximum: 9"),
         ("key: parcel_id", "key: sort")],
        {"version": SAFE, "fields.belt.maximum": SAFE, "kafka.key": SAFE}),
    "a version does not help a table": Case(
        [("version: 1", "version: 2"), ("weight: {type: integer", "weight: {type: number")],
        {"version": SAFE, "fields.weight.type": SAFE, "column weight": UNSAFE}),
}
# fmt: on
