"""`bridle run issue-fix`."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import InvalidInput, RepositoryError, SessionFailed, StackError

if TYPE_CHECKING:
    from bridle.local.rest import AirflowClient, DagRun, Question

ISSUE_FIX = "issue_fix"
GATE = "before_pull_request"
GATES = (GATE, "plan")
PARSE_SECONDS = 120.0
"""How long a fresh Airflow may take until it knows the workflow."""

workflows = typer.Typer(no_args_is_help=True, help="Start a workflow and follow it.")


@workflows.command("issue-fix")
def issue_fix(
    repo: Annotated[str, typer.Option(help="Name in repositories.yaml.")],
    issue: Annotated[int, typer.Option(min=1, help="Number of the issue.")],
    base: Annotated[str, typer.Option(help="Branch to work from; default: the repository's.")] = "",
    check: Annotated[str, typer.Option(help="Name of the check; default: the repository's first.")] = "",
    budget: Annotated[float, typer.Option(min=0.01, help="US dollars, of the whole run.")] = 2.0,
    approvals: Annotated[
        str, typer.Option(help="Where to ask a human: before_pull_request, plan, both with a comma, or none.")
    ] = GATE,
    record: Annotated[
        Path | None, typer.Option(help="Folder to write all model calls to, for `bridle replay`.")
    ] = None,
    follow: Annotated[bool, typer.Option(help="Show progress until the run has ended.")] = True,
    state: State = DEFAULT_STATE,
) -> None:
    """Turn one issue of a repository into one draft pull request."""
    from bridle.cli.replay import keep
    from bridle.local.find_airflow import find_airflow

    conf: dict[str, Any] = {
        "repo": repo,
        "issue": issue,
        "base": base or None,
        "check": check or None,
        "budget_usd": budget,
        "approvals": _gates(approvals),
    }
    with find_airflow(state) as airflow:
        _wait_for(airflow, ISSUE_FIX)
        require_offered(airflow, ISSUE_FIX, "repo", repo)
        if check:
            require_offered(airflow, ISSUE_FIX, "check", check)
        if record:
            conf["bridle"] = {"record": True}
        run = start(airflow, ISSUE_FIX, conf, label=f"{repo}-{issue}")
        say(f"{run.dag_id}/{run.run_id}\n  {airflow.run_url(run.dag_id, run.run_id)}")
        if follow or record:
            run = follow_run(airflow, run, state)
        if record:
            keep(run, record, state)
        result = airflow.value(run.dag_id, run.run_id, "open_pull_request") if run.ended else None
        show(run.model_dump(mode="json") | {"pull_request": result})
        if run.state == "failed":
            raise SessionFailed(why_failed(airflow, run))


def _gates(given: str) -> list[str]:
    names = [name.strip() for name in given.split(",") if name.strip() not in ("", "none")]
    if unknown := set(names).difference(GATES):
        raise InvalidInput(
            f"--approvals {given!r}: there is no {', '.join(sorted(unknown))}; give {' or '.join(GATES)}, "
            "both with a comma in between, or none"
        )
    return names


def start(airflow: "AirflowClient", dag_id: str, conf: dict[str, Any], *, label: str) -> "DagRun":
    """Trigger a run, as soon as Airflow knows the workflow.

    Args:
        label: what the run's id starts with.

    Raises:
        StackError: Airflow does not get to know the workflow; the message has the reason when there is one.
    """
    _wait_for(airflow, dag_id)
    slug = "".join(letter if letter.isalnum() else "-" for letter in label)
    return airflow.trigger(dag_id, conf, run_id=f"{slug}-{datetime.now(UTC):%Y%m%d-%H%M%S%f}"[:-3])


def require_offered(airflow: "AirflowClient", dag_id: str, parameter: str, value: str) -> None:
    """Make sure that a workflow takes `value`: Airflow would answer with the whole schema.

    Raises:
        RepositoryError: repositories.yaml, which the workflow's form is made of, has none of that name.
    """
    offered = airflow.choices(dag_id, parameter)
    if offered is not None and value not in offered:
        known = ", ".join(str(each) for each in offered if each is not None) or "none yet"
        what = "repository" if parameter == "repo" else "check"
        raise RepositoryError(
            f"{what} {value!r} is not in repositories.yaml; it has: {known}. Correct it here, or add it "
            "there: Airflow reads it again about every 30 seconds"
        )


def _wait_for(airflow: "AirflowClient", dag_id: str) -> None:
    deadline = time.monotonic() + PARSE_SECONDS
    while not airflow.has_dag(dag_id):
        broken = [error for name, error in airflow.import_errors().items() if dag_id in name]
        if broken or time.monotonic() > deadline:
            reason = "\n".join(broken) or "it is not in the DAG folder; see `bridle init`"
            raise StackError(
                f"Airflow cannot read the workflow {dag_id}: {reason}\n"
                "It reads its files again about every 30 seconds"
            )
        time.sleep(1)


def why_failed(airflow: "AirflowClient", run: "DagRun") -> str:
    """The first failed task of a run, and the last thing that its log calls an error."""
    failed = [task for task in airflow.tasks(run.dag_id, run.run_id) if task.state == "failed"]
    if not failed:
        return f"{run.run_id} failed"
    first = min(failed, key=lambda task: (task.end_date is None, task.end_date))
    reason = airflow.last_error(run.dag_id, run.run_id, first)
    return f"{first.task_id} failed: {reason or 'its log names no reason'}"


def follow_run(airflow: "AirflowClient", run: "DagRun", state: Path) -> "DagRun":
    """Tell a run until it has ended, and return it as it ended."""
    from rich.console import Console

    from bridle.cli.follow import Follower
    from bridle.cli.watch import Watch
    from bridle.local.ledger_url import find_ledger_url

    console = Console(stderr=True, highlight=False)

    def ask(question: "Question") -> None:
        console.print(f"       [bold]waiting for you[/]: {airflow.question_url(question)}", soft_wrap=True)
        console.print(f"       or: bridle approve {question.id}   (--reject, --feedback)", soft_wrap=True)

    with Watch(find_ledger_url(state), run.dag_id, run.run_id) as watch:
        return Follower(airflow, watch, console, ask).follow(run.dag_id, run.run_id)
