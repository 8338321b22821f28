"""`forebay dead-letters …`: look at events that were rejected, mend and send them again, or not."""

import typer

from app.commands.dead_letters.drop import drop
from app.commands.dead_letters.list_ import list_letters
from app.commands.dead_letters.replay import language, replay
from app.commands.dead_letters.show import show

dead_letters = typer.Typer(
    help="Look at events that were rejected, mend and send them again, or give them up.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
dead_letters.command("list")(list_letters)
dead_letters.command("show")(show)
dead_letters.command("replay")(replay)
dead_letters.command("fix-language")(language)
dead_letters.command("drop")(drop)
