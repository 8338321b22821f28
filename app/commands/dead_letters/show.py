"""`forebay dead-letters show`."""

import asyncio
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.text import Text

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.dead_letters.options import name_of, opened, wanted_of
from app.commands.output import AsJson, console, print_json
from app.letters.masked import printable
from app.letters.whole import clear_letter, disposals_of, find_letter, masked_letter
from app.settings import Settings

MASKED = "Masked: letters are a and A, digits 9, numbers 0. --clear shows it as it was sent."
CLEAR = "In clear, as it was sent: it may hold personal data; mind where you put it."


def show(
    name: Annotated[str, typer.Argument(help="Such as events.order_placed.v1/3@1200.")],
    clear: Annotated[
        bool, typer.Option("--clear", help="As it was sent, with all values.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show one dead letter whole: why it died, its headers, its event, what was done about it.

    Masked, unless `--clear` is said.
    """
    letter = asyncio.run(_letter(settings_here(data_dir), name, clear))
    if as_json:
        print_json(letter)
        return
    _render(letter, console())


async def _letter(settings: Settings, name: str, clear: bool) -> dict[str, Any]:
    wanted = wanted_of(None, None, None, None, None, [name])
    async with opened(settings, wanted) as parts:
        letter = await find_letter(parts.ledger, parts.objects, wanted.event, name_of(name))
        shown = (
            clear_letter(letter)
            if clear
            else masked_letter(letter, parts.contracts.get(letter.event))
        )
        done = await disposals_of(parts.ledger, letter)
        fate = parts.disposed.fate(*letter.name)
    return shown | {
        "fate": fate.value if fate else "open",
        "disposals": [
            {"fate": d.fate.value, "at": d.at.isoformat(), "why": d.why, "id": d.id} for d in done
        ],
    }


def _render(letter: dict[str, Any], out: Console) -> None:
    def line(label: str, text: str) -> None:
        shown = printable(text).replace("\n", "\\n")
        out.print(Text(f"  {label:<10}{shown}"), soft_wrap=True)

    out.print(Text(f"{letter['name']}: {letter['fate']}", style="bold"))
    line("rejected", " ".join(filter(None, (letter["reason"], letter["field"]))))
    line("because", letter["message"])
    line("received", letter["received_at"])
    line("key", _quoted(letter["key"]))
    for header, value in letter["headers"]:
        line("header", f"{header}: {_quoted(value)}")
    for done in letter["disposals"]:
        line(done["fate"], f"{done['at'][:16]} UTC: {done['why']}")
    value = letter["value"]
    pretty = value if isinstance(value, str) else _pretty(value)
    out.print(Text(printable(pretty)), soft_wrap=True)
    note, style = (MASKED, "dim") if letter["masked"] else (CLEAR, "yellow")
    out.print(Text(note, style=style))


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _quoted(text: str | None) -> str:
    return "none" if text is None else f"«{text}»"
