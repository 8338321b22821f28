"""`forebay metrics …`: what is made from the declarations of all metrics."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app.core.errors import Fatal

ABOUT = "Print the list of all metrics, the alert rules for Prometheus, the dashboard for Grafana."
HOUSE = Path(__file__).parents[2]

Write = Annotated[bool, typer.Option("--write", help="Write the file into this repository.")]
Check = Annotated[bool, typer.Option("--check", help="Exit 2 unless that file is up to date.")]

metrics = typer.Typer(help=ABOUT, no_args_is_help=True)


@metrics.callback()
def _group() -> None:
    pass


@metrics.command()
def page(write: Write = False, check: Check = False) -> None:
    """Print all metrics and alerts, in Markdown: app/monitoring/METRICS.md."""
    from app.monitoring.page import page_text

    _deliver("page", "app/monitoring/METRICS.md", page_text, write=write, check=check)


@metrics.command()
def rules(write: Write = False, check: Check = False) -> None:
    """Print the alert rules for Prometheus: helm/files/alerts.yaml."""
    from app.monitoring.rules import rules_text

    _deliver("rules", "helm/files/alerts.yaml", rules_text, write=write, check=check)


@metrics.command()
def dashboard(write: Write = False, check: Check = False) -> None:
    """Print the dashboard for Grafana: helm/files/dashboard.json."""
    from app.monitoring.dashboard import dashboard_text

    _deliver("dashboard", "helm/files/dashboard.json", dashboard_text, write=write, check=check)


def _deliver(command: str, name: str, made: Callable[[], str], *, write: bool, check: bool) -> None:
    path, text = HOUSE / name, made()
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    elif check:
        if not path.exists() or path.read_text("utf-8") != text:
            raise Fatal(f"{name} is out of date; run `forebay metrics {command} --write`")
    else:
        typer.echo(text, nl=False)
