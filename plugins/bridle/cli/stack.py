"""`bridle up`, `bridle down`, `bridle status`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bridle.cli.console import say, show

State = Annotated[Path, typer.Option("--state", envvar="BRIDLE_STATE", help="The stack's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_STATE = Path(".bridle")


def up(
    state: State = DEFAULT_STATE,
    port: Annotated[int | None, typer.Option(help="Of the UI; default: 8080, or any free one.")] = None,
    dags: Annotated[Path | None, typer.Option(help="Folder of DAG files.")] = None,
    include: Annotated[Path | None, typer.Option(help="Folder of roles, repositories, prompts.")] = None,
    parallelism: Annotated[int, typer.Option(help="How many tasks may run at once.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Start PostgreSQL and Airflow on this machine, for this folder."""
    from bridle.local.stack import Stack

    stack = Stack(state, port=port, dags=dags, include=include, parallelism=parallelism)
    already = stack.running
    try:
        info = stack.up(lambda line: say(f"  {line}"))
    except KeyboardInterrupt:
        say("stopping")
        stack.down()
        raise typer.Exit(130) from None
    if as_json:
        show(asdict(info))
        return
    typer.echo(
        f"{'Already up' if already else 'Ready'}: {info.url}  (user {info.user}, password {info.password})"
    )
    say(f"  logs: {info.logs}   stop: bridle down")


def down(state: State = DEFAULT_STATE) -> None:
    """End the stack; its data stays."""
    from bridle.local.stack import Stack

    say("stopping" if Stack(state).running else "the stack is not up")
    if Stack(state).down():
        typer.echo("Down")


def status(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Say whether the stack is up, and how its parts are; exit code 1 when it is not ready."""
    from bridle.local.stack import Stack

    report = Stack(state).status()
    if as_json:
        show(asdict(report) if report else {"phase": "stopped"})
    elif report is None:
        typer.echo("not up; start it with `bridle up`")
    else:
        typer.echo(f"{report.phase}: {report.message}")
        for name, part in report.components.items():
            typer.echo(f"  {name:<14} pid {part.pid or '-':<8} restarts {part.restarts}")
    if report is None or report.phase != "ready":
        raise typer.Exit(1)
