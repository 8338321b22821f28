"""`forebay console`: the console on this machine, of the local stack or of whatever the settings
name."""

import asyncio
import secrets
from typing import Annotated

import typer
from pydantic import SecretStr

from app.commands.context import DATA_DIR, DataDir, opened_parts, settings_here
from app.commands.output import console as terminal
from app.settings import Settings

LOOPBACK = "127.0.0.1"


def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine; 0: free.")] = 8083,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Serve the web console on this machine: balance, freshness, loads, dead letters.

    It ends with Ctrl-C; a scheduler serves the same at `/console`. It only shows; what is tried
    there asks for the token, `CONSOLE__TOKEN`, or one that is made for this run and printed.
    """
    settings = settings_here(data_dir)
    asyncio.run(_serve(settings, port))


async def _serve(settings: Settings, port: int) -> None:
    from app.assemble import stores_of
    from app.console.kinds import Kinds
    from app.console.routes import opened_console
    from app.health import Readiness, health_server

    options = settings.console
    made = ""
    if not options.token.get_secret_value():
        made = secrets.token_urlsafe(18)
        options = options.model_copy(update={"token": SecretStr(made)})
    async with opened_parts(settings) as parts:
        stores = stores_of(settings, parts.ledger, parts.objects, parts.warehouse)
        async with (
            opened_console(Kinds(parts.contracts), stores, options) as pages,
            health_server(Readiness(), "console", LOOPBACK, port, pages.routes) as taken,
        ):
            out = terminal()
            out.print(f"http://{LOOPBACK}:{taken}/console", soft_wrap=True)
            if made:
                out.print(f"token: {made}", soft_wrap=True)
            await asyncio.Event().wait()
