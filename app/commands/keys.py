"""`forebay keys …`: who may send."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands.context import settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.core.errors import Fatal

keys = typer.Typer(
    help="Make keys for the apps that send, and check the file that the gateway reads.",
    no_args_is_help=True,
)


@keys.callback()
def _group() -> None:
    """Make keys for the apps that send, and check the file that the gateway reads."""


@keys.command()
def new(
    source: Annotated[str, typer.Option(help="The app: `app` in its topic files.")],
    as_json: AsJson = False,
) -> None:
    """Make a key, and say what to add to the file. The key is shown now and never again.

    To change a key: add the new one's line below the old one's (two are valid at once), let the
    app send with the new one, remove the old one's line. The gateway needs no restart.
    """
    from app.gateway.keys import hashed, new_key

    key = new_key()
    if as_json:
        print_json({"source": source, "key": key, "hash": hashed(key)})
        return
    typer.echo(f"# For {source}, to be kept secret: Authorization: Bearer {key}")
    typer.echo("# For the file of GATEWAY__KEYS_FILE:")
    typer.echo(f"sources:\n  {source}:\n    keys:\n      - {hashed(key)}")


@keys.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="Otherwise that of GATEWAY__KEYS_FILE.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a file of keys, and say who may send what with it. Exit code 2: it is not right."""
    from app.assemble import contracts_of
    from app.gateway.keys import BadKeys, read_keys

    settings = settings_here()
    path = file or Path(settings.gateway.keys_file)
    if file is None and not settings.gateway.keys_file:
        raise Fatal("which file? Name one, or set GATEWAY__KEYS_FILE")
    apps = {contract.event: contract.app for contract in contracts_of(settings).values()}
    try:
        sources = read_keys(path, apps).sources
    except BadKeys as error:
        raise Fatal(str(error)) from error
    if as_json:
        print_json({source.name: sorted(source.may_send) for source in sources})
        return
    table = listing("source", "may send")
    for source in sources:
        table.add_row(source.name, ", ".join(sorted(source.may_send)) or "nothing")
    console().print(table)
