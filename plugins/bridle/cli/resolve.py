"""`bridle resolve`."""

import getpass
from typing import Annotated

import typer

from bridle.cli.books import open_ledger
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import InvalidInput


def resolve(
    key: Annotated[str, typer.Argument(help="Of the outside write, as the task's error names it.")],
    done: Annotated[str | None, typer.Option("--done", help="It happened: its address.")] = None,
    not_done: Annotated[bool, typer.Option("--not-done", help="It did not; the task may do it.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Say whether an outside write happened that Bridle could not find out about."""
    from bridle.ledger.effect_log import UNCERTAIN

    if (done is None) == (not not_done):
        raise InvalidInput("look there, then say either --done and its address, or --not-done")
    with open_ledger(state) as ledger:
        found = ledger.effect(key)
        if found is None or found.state != UNCERTAIN:
            known = "unknown" if found is None else found.state
            raise InvalidInput(f"{key} is {known}, not uncertain; `bridle show` lists a run's outside writes")
        receipt = None if done is None else {"version": found.version, "url": done, "data": {}}
        ledger.effect_resolve(key, by=f"human:{getpass.getuser()}", receipt=receipt)
    typer.echo(f"{'Not done' if not_done else 'Done'}: {key}. Now clear the task")
