"""`bridle goal`."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.cli.books import open_ledger
from bridle.cli.console import say, show
from bridle.cli.run import follow_run, start, why_failed
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import GoalMissed

if TYPE_CHECKING:
    from pathlib import Path

    from bridle.ledger.store import Ledger
    from bridle.local.rest import AirflowClient, DagRun

GOAL_LOOP = "goal_loop"
NEXT_SECONDS = 60.0
"""How long Airflow may take to begin a round that was asked for."""


def goal(
    text: Annotated[str, typer.Argument(help="What is wanted, in a sentence or two.")],
    repo: Annotated[str, typer.Option(help="Name in repositories.yaml.")],
    done_when: Annotated[
        list[str] | None, typer.Option(help="Check that must pass; may be given again. Default: the first.")
    ] = None,
    rubric: Annotated[str, typer.Option(help="Demands that a separate session judges, with evidence.")] = "",
    base: Annotated[str, typer.Option(help="Branch to work from; default: the repository's.")] = "",
    workers: Annotated[int, typer.Option(min=1, max=10, help="Side by side.")] = 3,
    worker_check: Annotated[str, typer.Option(help="Check of each worker's own commit.")] = "",
    max_rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 10,
    budget: Annotated[float, typer.Option(min=0.01, help="US dollars, of all rounds together.")] = 10.0,
    hours: Annotated[float | None, typer.Option(help="Until the deadline.")] = None,
    review: Annotated[str, typer.Option(help="Ask a human: never, each round, or on doubt.")] = "on doubt",
    follow: Annotated[bool, typer.Option(help="Show progress until the loop has ended.")] = True,
    state: State = DEFAULT_STATE,
) -> None:
    """Pursue a goal, round by round, until its criteria hold: an orchestrator and workers side by side."""
    from bridle.local.find_airflow import find_airflow

    conf = {
        "goal": text,
        "repo": repo,
        "base": base or None,
        "done_when": list(done_when) if done_when else None,
        "rubric": rubric or None,
        "workers": workers,
        "worker_check": worker_check or None,
        "max_rounds": max_rounds,
        "budget_usd": budget,
        "hours": hours,
        "human_review": review,
    }
    with find_airflow(state) as airflow:
        run = start(airflow, GOAL_LOOP, conf, label=f"goal-{repo}")
        say(f"loop {run.run_id}\n  {airflow.run_url(run.dag_id, run.run_id)}")
        if follow:
            follow_loop(airflow, run, run.run_id, state)
        else:
            show(run.model_dump(mode="json") | {"loop": run.run_id})


def follow_loop(airflow: "AirflowClient", run: "DagRun", loop_id: str, state: "Path") -> None:
    """Tell round after round until the loop has ended.

    Raises:
        GoalMissed: it ended without its goal.
    """
    with open_ledger(state) as ledger:
        following: DagRun | None = run
        while following is not None:
            run = follow_run(airflow, following, state)
            following = _following(airflow, ledger, loop_id, run)
        loop = ledger.loop(loop_id)
        pull = airflow.value(run.dag_id, run.run_id, "open_pull_request")
        show({"loop": loop.id, "state": loop.state, "reason": loop.reason, "pull_request": pull})
        if loop.state in ("stopped", "failed", "running"):
            raise GoalMissed(loop.reason or why_failed(airflow, run))


def _following(airflow: "AirflowClient", ledger: "Ledger", loop_id: str, run: "DagRun") -> "DagRun | None":
    """The next round's run, as soon as it is there; None when the loop has ended, or is paused."""
    deadline = time.monotonic() + NEXT_SECONDS
    while (loop := ledger.loop(loop_id)).state == "running" and time.monotonic() < deadline:
        last = ledger.rounds(loop_id)[-1]
        number = last.round + 1 if last.run_id == run.run_id else last.round
        wanted = loop.run_id(number)
        found = [other for other in airflow.runs(loop.dag_id, like=wanted) if other.run_id == wanted]
        if found:
            return found[0]
        if run.state == "failed":
            return None
        time.sleep(1)
    return None
