"""`bridle demo`."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bridle.cli.tour import Ending

CONNECTION = "AIRFLOW_CONN_BRIDLE_ANTHROPIC"


def demo(
    live: Annotated[bool, typer.Option("--live", help="Real models; needs ANTHROPIC_API_KEY.")] = False,
    approve: Annotated[
        bool, typer.Option("--approve", envvar="APPROVE", help="Approve the pull request by itself.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", envvar="KEEP", help="Stay up until Enter, to look around.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Of the UI; default: 8080, or any free one.")] = None,
    state: Annotated[Path, typer.Option(help="The demo's folder; may be deleted.")] = Path(".bridle/demo"),
) -> None:
    """From an issue to a draft pull request, on this machine: no key and no network needed."""
    from rich.console import Console

    from bridle.cli.tour import Tour

    console = Console(highlight=False)
    # a shell that starts this in the background has it ignore Ctrl-C's signal
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, _interrupt)
    tour = Tour(console, state=state, port=port, connection=_connection() if live else None, approve=approve)
    try:
        with tour.stack():
            ending = tour.run()
            _show(console, ending)
            if keep and sys.stdout.isatty() and sys.stdin.isatty():
                console.input("\nEverything is still up. [bold]Enter[/] ends it. ")
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        raise typer.Exit(130) from None
    if ending.problems:
        for problem in ending.problems:
            typer.secho(f"bridle demo: {problem}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _connection() -> str:
    """The Airflow connection to Anthropic, out of the environment."""
    from bridle.errors import CredentialError

    ready, key = os.environ.get(CONNECTION, ""), os.environ.get("ANTHROPIC_API_KEY", "").strip()
    if not ready and not key:
        raise CredentialError(
            f"--live calls real models: set ANTHROPIC_API_KEY (or {CONNECTION}). Without --live it needs none"
        )
    return ready or json.dumps({"conn_type": "bridle_model", "password": key})


def _show(console: "Console", ending: "Ending") -> None:
    from bridle.cli.report import cost_table, diff_view, text_panel

    console.print()
    console.print(text_panel(str(ending.pull_request.name), ending.pull_request.read_text(encoding="utf-8")))
    console.print(diff_view(ending.diff))
    console.print(cost_table(ending.costs))
    for name, place in ending.links.items():
        console.print(f"{name:<14} {place}", soft_wrap=True)
