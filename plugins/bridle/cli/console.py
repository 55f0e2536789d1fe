"""How commands speak: results on stdout, everything else on stderr, errors in one red line."""

import json
from typing import Any

import typer
from typer.core import TyperGroup

from bridle.errors import BridleError


class ErrorLine(TyperGroup):
    """A command group that turns a `BridleError` into one clear line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BridleError as error:
            typer.secho(f"bridle: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from error


def say(text: str) -> None:
    """A line for the person, on stderr, so that stdout stays clean for pipes."""
    typer.echo(text, err=True)


def show(data: Any) -> None:
    """`data` as JSON on stdout."""
    typer.echo(json.dumps(data, indent=2, default=str))
