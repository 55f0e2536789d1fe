"""`bridle bisect`."""

import getpass
import logging
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bridle.cli.books import open_ledger
from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import SessionFailed
from bridle.harness.bisect import FURTHER

if TYPE_CHECKING:
    from bridle.ledger.bisects import BisectRow, ProbeRow
    from bridle.ledger.searched import Searched
    from bridle.ledger.store import Ledger

WORKFLOW = "bridle_bisect"


def bisect(
    run_or_loop: Annotated[
        str, typer.Argument(help="As `bridle runs` or `bridle loop list` shows it, or a part of it.")
    ],
    check: Annotated[
        str,
        typer.Option(help="Name of a check of the repository, or a command; default: the first check."),
    ] = "",
    jobs: Annotated[
        int, typer.Option(min=1, max=16, help="Checks side by side: less time, but more checks.")
    ] = 1,
    again: Annotated[
        int,
        typer.Option(
            min=0, max=9, help="How many times more to check what the answer rests on; 0: just search."
        ),
    ] = 1,
    further: Annotated[
        int,
        typer.Option(min=0, help="How many commits behind the turn to look at for one that passes."),
    ] = FURTHER,
    dag: Annotated[
        bool,
        typer.Option(
            "--dag",
            help="Let the workflow bridle_bisect search, on a worker, without --again and --further.",
        ),
    ] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Find the round with which a run or loop went wrong, by running a check along its commits. No model.

    Exit code 0 when one commit is to blame; 1 when none can be blamed: the check is flaky, passes on the last
    commit, fails on the first, or it turned more than once.
    """
    with open_ledger(state) as ledger:
        ledger.check_schema()
        searched = ledger.find_searched(run_or_loop)
        if dag:
            row = _on_a_worker(ledger, searched, {"check": check or None, "jobs": jobs}, state)
        else:
            row = _here(ledger, searched, state, check=check, jobs=jobs, again=again, further=further)
        if as_json:
            show(asdict(row) | {"probes": [asdict(probe) for probe in ledger.probes(row.id)]})
        else:
            _print(row)
    if row.state != "found":
        raise typer.Exit(1)


def _here(ledger: "Ledger", searched: "Searched", state: Path, **wanted: Any) -> "BisectRow":
    from bridle.doctor.patient import patient_in
    from bridle.harness.wrong_round import Wanted, find_wrong_round, step_by_hand

    with patient_in(state) as patient:
        step = step_by_hand(patient.settings, ledger, beside=patient.dags)
        _log_to_stderr()
        asked = Wanted(searched, by=f"human:{getpass.getuser()}", command_allowed=True, **wanted)
        say(f"searching {searched}")
        _end_with_the_terminal()
        try:
            return find_wrong_round(step, asked, on_probe=_tell)
        except KeyboardInterrupt:
            say("stopped; nothing is left running")
            raise typer.Exit(130) from None


def _end_with_the_terminal() -> None:
    # a shell that starts this in the background has it ignore Ctrl-C's signal
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else it is to go on: nohup
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt("whoever searched at a terminal ended it")


def _log_to_stderr() -> None:
    """Airflow's import sends every log to stdout, which is the result's; each check is told of anyway."""
    ours = logging.getLogger("bridle")
    ours.propagate = False
    ours.addHandler(logging.StreamHandler())
    ours.setLevel(logging.WARNING)


def _on_a_worker(ledger: "Ledger", searched: "Searched", conf: dict[str, Any], state: Path) -> "BisectRow":
    from bridle.cli.run import start, why_failed
    from bridle.local.find_airflow import find_airflow

    with find_airflow(state) as airflow:
        run = start(airflow, WORKFLOW, {"scope": searched.scope, **conf}, label="bisect")
        say(f"{run.dag_id}/{run.run_id}\n  {airflow.run_url(run.dag_id, run.run_id)}")
        told = 0
        while True:
            ended = airflow.run(run.dag_id, run.run_id).ended
            found = ledger.bisects_done_by(run.dag_id, run.run_id)
            for probe in ledger.probes(found[0].id)[told:] if found else ():
                _tell(probe)
                told = probe.number
            if ended:
                break
            time.sleep(1)
        if not found or not found[0].answered:
            raise SessionFailed(why_failed(airflow, run))
        return found[0]


def _tell(probe: "ProbeRow") -> None:
    word = "passes" if probe.passed else "time is up" if probe.timed_out else "fails"
    round = f"round {probe.round}" if probe.round is not None else "start"
    again = "  (to make sure)" if probe.again else ""
    say(f"  {probe.number:>3}  {round:<9} {probe.commit[:10]}  {word:<10} {probe.seconds:6.1f} s{again}")


def _print(row: "BisectRow") -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    blamed = row.state == "found"
    title = f"round {row.round}" if blamed and row.round is not None else row.state
    # plain text: the reasons are a model's words, and not markup
    Console(highlight=False).print(
        Panel(Text(row.why), title=Text(title), border_style="red" if blamed else "yellow")
    )
    if row.session_id is not None:
        say(f"session {row.session_id}, decision {row.decision_id or 'unknown'}; the run: `bridle show`")
