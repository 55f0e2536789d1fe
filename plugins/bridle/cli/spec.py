"""`bridle spec` and `bridle run spec`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.books import open_ledger
from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import SessionFailed, SpecError

if TYPE_CHECKING:
    from bridle.ledger.tasks import TaskRow

_COLOURS = {"done": "green", "working": "yellow", "landed": "yellow", "blocked": "red"}


def spec(
    name: Annotated[
        str, typer.Argument(help="A spec as REPOSITORY:PATH; default: the one that was read last.")
    ] = "",
    retry: Annotated[str, typer.Option(help="Let this blocked task be worked on again.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show the tasks of a spec file, as its newest version and the ledger have them."""
    with open_ledger(state) as ledger:
        known = ledger.specs()
        name = name or next(iter(known), "")
        if name not in known:
            raise SpecError(
                f"no run has read the spec {name!r} yet; known are: {', '.join(known) or 'none'}. Start "
                "`bridle run spec --repo NAME --spec PATH`"
            )
        if retry and not ledger.retry_task(name, retry):
            state_of = {row.key: row.state for row in ledger.spec_tasks(name)}
            if retry not in state_of:
                raise SpecError(f"{name} has no task {retry!r}")
            raise SpecError(
                f"task {retry!r} of {name} is {state_of[retry]}; only a blocked one is tried again"
            )
        rows = ledger.spec_tasks(name)
    if as_json:
        show([asdict(row) for row in rows])
    else:
        _tell(name, rows)


def run_spec(
    repo: Annotated[str, typer.Option(help="Name in repositories.yaml.")],
    spec: Annotated[str, typer.Option(help="Path of the spec file in the repository.")],
    mode: Annotated[
        str, typer.Option(help="one: one task, or parallel ones; continuous: until all are done.")
    ] = "one",
    max_tasks: Annotated[int, typer.Option(min=0, help="At most so many tasks; 0: all.")] = 0,
    base: Annotated[str, typer.Option(help="Branch that the work is for; default: the repository's.")] = "",
    check: Annotated[str, typer.Option(help="Name of the check; default: the repository's first.")] = "",
    budget: Annotated[float, typer.Option(min=0.01, help="US dollars, of each run.")] = 2.0,
    ask: Annotated[bool, typer.Option(help="Ask a human before each push.")] = False,
    follow: Annotated[bool, typer.Option(help="Show progress until the run has ended.")] = True,
    state: State = DEFAULT_STATE,
) -> None:
    """Work on the next task of a spec file."""
    from bridle.cli.run import follow_run, start, why_failed
    from bridle.local.find_airflow import find_airflow

    conf: dict[str, Any] = {
        "repo": repo,
        "spec": spec,
        "mode": mode,
        "max_tasks": max_tasks or None,
        "base": base or None,
        "check": check or None,
        "budget_usd": budget,
        "approvals": ["before_pull_request"] if ask else None,
    }
    with find_airflow(state) as airflow:
        run = start(airflow, "spec_routine", conf, label=f"{repo}-spec")
        say(f"{run.dag_id}/{run.run_id}\n  {airflow.run_url(run.dag_id, run.run_id)}")
        if follow:
            run = follow_run(airflow, run, state)
        told = {
            step: airflow.value(run.dag_id, run.run_id, step, "summary") for step in ("pick_tasks", "finish")
        }
        show(run.model_dump(mode="json") | {"summary": told["finish"] or told["pick_tasks"]})
        if run.state == "failed":
            raise SessionFailed(why_failed(airflow, run))


def _tell(name: str, rows: "list[TaskRow]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    done = sum(row.state == "done" for row in rows)
    table = Table(title=f"{escape(name)}: {done} of {len(rows)} done", title_justify="left")
    for column in ("task", "state", "what", "failed", "commit", "run"):
        table.add_column(column)
    for row in rows:
        colour = _COLOURS.get(row.state)
        table.add_row(
            escape(row.key),
            f"[{colour}]{row.state}[/]" if colour else row.state,
            escape(row.title),
            str(row.attempts or ""),
            (row.commit or "")[:10],
            escape(row.run_id),
        )
    Console().print(table)
    for row in rows:
        if row.reason:
            typer.echo(f"{row.key}: {' '.join(row.reason.split())[:300]}")
