"""`bridle show`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.books import open_ledger, open_queries
from bridle.cli.console import show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State

if TYPE_CHECKING:
    from rich.console import Console

    from bridle.ledger.queries import Queries
    from bridle.local.rest import DagRun


def show_run(
    run: Annotated[str | None, typer.Argument(help="As `bridle runs` shows it; default: the newest.")] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="First tell what happens, until it has ended."),
    ] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show one run: its steps, decisions, checks, outside writes, the diff, and what it cost."""
    from rich.console import Console

    from bridle.cli.report import cost_table, diff_view
    from bridle.cli.run import follow_run
    from bridle.cli.watch import Watch
    from bridle.ledger.reviews import DIFF
    from bridle.local.find_airflow import find_airflow, find_run

    with find_airflow(state) as airflow, open_queries(state) as queries, open_ledger(state) as ledger:
        found = find_run(airflow, run)
        if follow:
            found = follow_run(airflow, found, state)
        if as_json:
            show(_facts(found, queries))
            return
        console = Console(highlight=False)
        console.print(f"[bold]{found.dag_id}/{found.run_id}[/]  {found.state}", soft_wrap=True)
        console.print(f"[dim]{airflow.run_url(found.dag_id, found.run_id)}[/]", soft_wrap=True)
        _tell(console, found, queries)
        shown = next(
            (row for row in queries.reviews(found.dag_id, found.run_id) if DIFF in row.snapshot), None
        )
        if shown is not None:
            console.print(f"\n[bold]What is changed by commit {shown.commit[:10]}[/]")
            console.print(diff_view(ledger.get_artifact(shown.snapshot[DIFF]).decode("utf-8", "replace")))
        with Watch(ledger.url, found.dag_id, found.run_id) as watch:
            console.print(cost_table(watch.costs(airflow.tasks(found.dag_id, found.run_id))))


def _tell(console: "Console", run: "DagRun", ledger: "Queries") -> None:
    from rich.markup import escape

    from bridle.cli.narrate import line

    console.print("\n[bold]Decisions[/]")
    for choice in ledger.decisions(run.dag_id, run.run_id):
        sure = "" if choice.confidence is None else f" ({choice.confidence:.0%} sure)"
        said = f"{choice.attempt.step.task_id}: {choice.what} = {choice.choice}, by {choice.by}{sure}. "
        said += choice.why
        console.print(f"  {escape(line(said, width=500))}", soft_wrap=True)
    console.print("\n[bold]Sessions, checks and failures[/]")
    for step in ledger.run(run.dag_id, run.run_id):
        for session in step.sessions:
            end = session.outcome or "running"
            said = f"{step.step.task_id} round {session.round}: {end}, {session.turns} turns, "
            said += f"{session.agent} with {session.model}. {session.reason or session.summary}"
            console.print(f"  {escape(line(said, width=500))}", soft_wrap=True)
        for check in step.checks:
            end, colour = ("passed", "green") if check.exit_code == 0 else ("failed", "red")
            said = f"{step.step.task_id} round {check.round}: check {check.name} {end}"
            said += f" in {check.seconds:.1f} s on {(check.commit or '')[:10]}"
            console.print(f"  [{colour}]{escape(line(said, width=500))}[/]", soft_wrap=True)
    for failure in ledger.failures(run.dag_id, run.run_id):
        again = "; Airflow tries again" if failure.retryable else ""
        said = f"{failure.attempt.step.task_id} try {failure.attempt.try_number} failed: {failure.kind}: "
        console.print(f"  [red]{escape(line(said + failure.reason, width=1000) + again)}[/]", soft_wrap=True)
    console.print("\n[bold]Outside writes[/]")
    for effect in reversed(ledger.effects(run.dag_id, run.run_id)):
        said = f"{effect.kind} {effect.target}: {effect.state} {effect.why}"
        console.print(f"  {escape(line(said, width=500))}", soft_wrap=True)


def _facts(run: "DagRun", ledger: "Queries") -> dict[str, Any]:
    """The run for programs: everything the ledger has about it, events and calls left out."""
    return run.model_dump(mode="json") | {
        "steps": [asdict(step) for step in ledger.run(run.dag_id, run.run_id)],
        "failures": [asdict(row) for row in ledger.failures(run.dag_id, run.run_id)],
        "decisions": [asdict(row) for row in ledger.decisions(run.dag_id, run.run_id)],
        "reviews": [asdict(row) for row in ledger.reviews(run.dag_id, run.run_id)],
        "effects": [asdict(row) for row in ledger.effects(run.dag_id, run.run_id)],
    }
