"""`bridle loop`: what loops there are, and what a person does with them."""

import getpass
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.books import open_ledger
from bridle.cli.console import say, show
from bridle.cli.goal import follow_loop
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import InvalidInput

if TYPE_CHECKING:
    from bridle.ledger.loops import LoopRow
    from bridle.ledger.store import Ledger
    from bridle.local.rest import AirflowClient

loops = typer.Typer(no_args_is_help=True, help="Loops: list, show, pause, resume, stop, extend.")

Name = Annotated[str, typer.Argument(help="Of the loop, or a part of it.")]


@loops.command("list")
def list_loops(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List loops, newest first."""
    with open_ledger(state) as ledger:
        rows = ledger.loops()
        if as_json:
            show([asdict(row) for row in rows])
            return
        for row in rows:
            typer.echo(f"{row.id}  {row.state}\n    {row.goal.splitlines()[0][:100]}")
            if row.reason:
                typer.echo(f"    {row.reason}")
        if not rows:
            say('no loop yet: `bridle goal "…" --repo …` starts one')


@loops.command("show")
def show_loop(name: Name, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show a loop's rounds: what was decided, done, checked, said, and spent."""
    with open_ledger(state) as ledger:
        row = _find(ledger, name)
        rounds = [turn for turn in ledger.rounds(row.id) if turn.round > 0]
        if as_json:
            show({**asdict(row), "rounds": [asdict(turn) for turn in rounds]})
            return
        budget = ledger.budget(row.scope)
        typer.echo(f"{row.id}  {row.state}{': ' if row.reason else ''}{row.reason}")
        typer.echo(f"  {row.goal}\n  {row.repo}, branch {row.branch}, from {row.base_commit[:10]}")
        typer.echo(f"  at {row.head_commit[:10]}, {len(rounds)} of at most {row.params['max_rounds']} rounds")
        if budget is not None:
            cap = "no cap" if budget.cap_usd is None else f"of ${budget.cap_usd:.2f}"
            typer.echo(f"  spent ${budget.spent_usd:.4f} {cap}, {budget.spent_tokens:,} tokens")
        for turn in rounds:
            typer.echo(f"\n  round {turn.round}  {turn.verdict or 'goes on'}: {turn.reason}")
            typer.echo(f"    {turn.decision.get('why', '')}")
            for item in turn.delivered:
                typer.echo(
                    f"    - {item['title']}: {item['status']}{', ' if item['why'] else ''}{item['why']}"
                )
            for check in turn.checks:
                typer.echo(f"    {check['name']}: {'holds' if check['passed'] else 'does not hold'}")
            if turn.answer:
                typer.echo(f"    {turn.answer['by']}: {turn.answer['choice']} {turn.answer['feedback']}")


@loops.command("pause")
def pause(name: Name, state: State = DEFAULT_STATE) -> None:
    """Begin no further round; the one under way goes on to its end."""
    from bridle.ledger import loop_control

    with open_ledger(state) as ledger:
        row = _find(ledger, name)
        loop_control.pause(ledger, row, _me())
    typer.echo(f"Paused: {row.id}; `bridle loop resume` lets it go on")


@loops.command("stop")
def stop(name: Name, state: State = DEFAULT_STATE) -> None:
    """Stop a loop and the round under way: no model call, check, commit or outside write is begun."""
    from bridle.ledger import loop_control
    from bridle.local.find_airflow import find_airflow

    with open_ledger(state) as ledger:
        row = _find(ledger, name)
        loop_control.stop(ledger, row, _me())
        with find_airflow(state) as airflow:
            for run_id in loop_control.under_way(ledger, row, _Runs(airflow)):
                airflow.fail_run(row.dag_id, run_id)
    typer.echo(f"Stopped: {row.id} at {row.head_commit[:10]}; `bridle loop resume` goes on from there")


@loops.command("extend")
def extend(
    name: Name,
    rounds: Annotated[int | None, typer.Option(min=1, help="More rounds.")] = None,
    budget: Annotated[float | None, typer.Option(min=0.01, help="More US dollars.")] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="More tokens, input and output together; for a loop with a cap.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0.01, help="From now until the deadline.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Give a loop more rounds, more money, more tokens or more time."""
    from bridle.ledger import loop_control

    with open_ledger(state) as ledger:
        more = None if budget is None else Decimal(str(budget))
        row = loop_control.extend(
            ledger, _find(ledger, name), _me(), rounds=rounds, hours=hours, budget=more, tokens=tokens
        )
    typer.echo(f"Extended: {row.id}, at most {row.params['max_rounds']} rounds")


@loops.command("resume")
def resume(
    name: Name,
    follow: Annotated[bool, typer.Option(help="Show progress until the loop has ended.")] = True,
    state: State = DEFAULT_STATE,
) -> None:
    """Let a paused, stopped or failed loop go on from where it was."""
    from bridle.ledger import loop_control
    from bridle.local.find_airflow import find_airflow

    with open_ledger(state) as ledger, find_airflow(state) as airflow:
        row = _find(ledger, name)
        resumed = loop_control.resume(ledger, row, _Runs(airflow))
        if not resumed.started:
            typer.echo(f"Goes on: {row.id}, {resumed.run_id} is under way")
            return
        typer.echo(f"Goes on: {row.id}, round {resumed.number} from {row.head_commit[:10]}")
        if follow:
            follow_loop(airflow, airflow.run(row.dag_id, resumed.run_id), row.id, state)


class _Runs:
    """A loop's runs, over Airflow's REST API."""

    def __init__(self, airflow: "AirflowClient") -> None:
        self._airflow = airflow

    def ended(self, dag_id: str, like: str) -> dict[str, bool]:
        return {run.run_id: run.ended for run in self._airflow.runs(dag_id, like=like)}

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        self._airflow.trigger(dag_id, conf, run_id=run_id)


def _find(ledger: "Ledger", name: str) -> "LoopRow":
    """The loop that a person means.

    Raises:
        InvalidInput: none, or more than one, is called so.
    """
    found = [row for row in ledger.loops(limit=1000) if name in row.id]
    exact = [row for row in found if row.id == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    several = ", ".join(row.id for row in found[:5])
    raise InvalidInput(
        f"{name!r} is the name of several loops: {several}"
        if found
        else f"there is no loop {name!r}; `bridle loop list` shows those there are"
    )


def _me() -> str:
    return f"human:{getpass.getuser()}"
