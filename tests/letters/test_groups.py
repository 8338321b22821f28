"""Dead letters read from the bucket, chosen, and grouped with what was done about them."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from ulid import ULID

from app.commands.dead_letters.list_ import render
from app.commands.output import console
from app.core.disposal import Disposal, Fate
from app.core.errors import Fatal
from app.ledger.disposed import Disposed
from app.letters.groups import MAX_GROUPS, OTHERS, Group, Groups
from app.letters.letter import Letter, Name
from app.letters.stored import Wanted, letters_in, place_of
from app.letters.whole import disposals_of, find_letter
from tests.backtest.parcels import parcel
from tests.letters.box import NOON, Box, Sent, opened_box

LIGHT = parcel(1, weight_grams=0)
UNKNOWN = parcel(2, weigth_grams=5)
LATE = Sent(parcel(3), NOON + timedelta(days=9))


async def dispose(box: Box, fate: Fate, *names: Name) -> Disposal:
    letters = {tp: tuple(n.offset for n in names if n.tp == tp) for tp in {n.tp for n in names}}
    done = Disposal(str(ULID()), box.contract.event, fate, "a test", NOON, letters)
    await box.ledger.record_disposal(done)
    return done


async def grouped(box: Box, *, every: bool = False) -> list[Group]:
    with Disposed() as disposed:
        await disposed.read(box.ledger)
        groups = Groups(box.contracts, disposed)
        for letter in await box.letters():
            groups.take(letter)
        return groups.found(all=every)


async def test_letters_are_grouped_by_reason_and_field_with_what_was_done_about_them(
    tmp_path: Path,
) -> None:
    async with opened_box(tmp_path) as box:
        light = await box.bury(LIGHT, LIGHT, LIGHT, skip=10)
        other = await box.bury(UNKNOWN, LATE, LIGHT, b"{", partition=1)
        await dispose(box, Fate.REPLAYED, light[0], other[2])
        await dispose(box, Fate.DROPPED, light[1], other[3])
        found = {(g.reason, g.field): g for g in await grouped(box, every=True)}
        assert found.keys() == {
            ("schema", "weight_grams"), ("schema", "weigth_grams"), ("too_late", None),
            ("not_json", None),
        }  # fmt: skip
        weight = found["schema", "weight_grams"]
        assert weight.counts == Counter({None: 1, Fate.REPLAYED: 2, Fate.DROPPED: 1})
        assert weight.name == str(light[2])  # the example is one that is open
        assert weight.example["weight_grams"] == 0
        assert weight.example["parcel_id"] == "A9"
        assert found["too_late", None].first == (NOON + timedelta(days=9)).date()
        shown = await grouped(box)
        assert [(g.reason, g.field) for g in shown] == [
            ("schema", "weight_grams"), ("schema", "weigth_grams"), ("too_late", None),
        ]  # fmt: skip


async def test_the_list_says_what_is_open_and_shows_no_value(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(*[LIGHT] * 1_200, UNKNOWN)
        groups = await grouped(box)
    screen = console()
    with screen.capture() as captured:
        screen.print(render(groups, every=False), soft_wrap=True)
    said = captured.get()
    assert "1,200" in said
    assert "1,201 open" in said
    assert '"parcel_id":"A9"' in said
    assert "P1" not in said
    assert "6f1c1c5e" not in said
    with screen.capture() as captured:
        screen.print(render([], every=False))
    assert captured.get() == "No open dead letters.\n"


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Wanted(), [0, 1, 2, 3]),
        (Wanted(event="parcel_scanned", reason="schema"), [0, 1, 3]),
        (Wanted(event="page_seen"), []),
        (Wanted(field="weight_grams"), [0, 3]),
        (Wanted(reason="too_late"), [2]),
        (Wanted(first=NOON.date() + timedelta(days=1)), [2]),
        (Wanted(last=NOON.date()), [0, 1, 3]),
        (Wanted(first=NOON.date(), last=NOON.date(), reason="too_late"), []),
        (Wanted(names={Name("events.parcel_scanned.v1/0", 1)}), [1]),
        (Wanted(names={Name("events.parcel_scanned.v1/1", 1)}), []),
    ],
)
async def test_letters_are_chosen(tmp_path: Path, wanted: Wanted, offsets: list[int]) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(LIGHT, UNKNOWN, LATE)
        await box.bury(LIGHT)
        found = await box.letters(wanted)
        assert sorted(letter.offset for letter in found) == offsets


async def test_a_letter_is_found_by_its_name_with_all_that_was_done_about_it(
    tmp_path: Path,
) -> None:
    async with opened_box(tmp_path) as box:
        names = await box.bury(LIGHT, UNKNOWN, skip=4)
        done = [await dispose(box, Fate.DROPPED, *names), await dispose(box, Fate.REPLAYED, *names)]
        letter = await find_letter(box.ledger, box.objects, None, names[1])
        assert letter.raw == UNKNOWN
        assert letter.name == names[1]
        assert await disposals_of(box.ledger, letter) == done
        with pytest.raises(Fatal, match=r"no dead letter .*@3: the event landed"):
            await find_letter(box.ledger, box.objects, None, Name(names[0].tp, 3))


async def test_a_record_without_a_value_is_a_letter_too(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(Sent(None))
        (letter,) = await box.letters()
        assert letter.raw == b""
        (group,) = await grouped(box)
        assert group.example == "not JSON, 0 bytes: "


async def test_an_object_that_is_no_longer_what_it_was_is_named(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        writer = box.objects.writer("dead.gz")
        writer.append(b'{"event": "parcel_scanned"}\n')
        await writer.finish()
        with pytest.raises(Fatal, match=r"dead\.gz holds a line"):
            [letter async for letter in letters_in(box.objects, "dead.gz")]


async def test_groups_stay_so_many_whatever_senders_call_their_fields(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(LIGHT)
        (letter,) = await box.letters()
    with Disposed() as disposed:
        groups = Groups(box.contracts, disposed)
        for number in range(MAX_GROUPS + 50):
            groups.take(named(letter, number))
        found = groups.found()
    assert len(found) == MAX_GROUPS + 1
    assert sum(group.open for group in found) == MAX_GROUPS + 50
    assert {group.field: group.open for group in found}[OTHERS] == 50


def named(letter: Letter, number: int) -> Letter:
    """The same letter, died of a field that no other died of."""
    field = "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")
    return msgspec.structs.replace(letter, field=field)


@pytest.mark.parametrize(
    ("field", "place"),
    [("lines.0.cents", "lines[].cents"), ("lines.12", "lines[]"), ("a.b", "a.b"), (None, None)],
)
def test_a_place_has_no_indexes(field: str | None, place: str | None) -> None:
    assert place_of(field) == place


@pytest.mark.parametrize("name", ["events.x.v1/3@1200", "events.x.v1~8f14e45f+2/0@0"])
def test_a_name_is_read_back(name: str) -> None:
    assert str(Name.of(name)) == name


@pytest.mark.parametrize("name", ["", "1200", "events.x.v1@3", "events.x.v1/3", "a/b@1", "a/1@١"])
def test_what_is_no_name_is_told_what_is_one(name: str) -> None:
    with pytest.raises(ValueError, match=r"events\.order_placed\.v1/3@1200 does"):
        Name.of(name)
