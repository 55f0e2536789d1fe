"""Killed or stopped in mid-session: nothing goes on working, and nothing is lost or done twice."""

import time

import pytest
from e2e_processes import eventually, processes_of, seconds_until_gone, task_process
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, Session, bug_fixed_by
from e2e_stage import Stage

from bridle.ledger.records import SessionRow

pytestmark = pytest.mark.timeout(600)

# the second time round it is past
LONG = "test -e slept || { touch slept; sleep 300; }"


def long_session() -> Session:
    """Edits, and then runs a command that somebody loses patience with."""
    return [
        {"ops": [{"op": "read", "path": "calc.py"}]},
        {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
        {"text": "Now something that takes its time.", "ops": [{"op": "shell", "command": LONG}]},
        {"ops": [{"op": "shell", "command": "rm -f slept"}]},
        {"text": "Fixed."},
    ]


def session_in_the_middle(stage: Stage, run: Run) -> SessionRow:
    """The implementing session, once its edit is checkpointed and its long command runs."""

    def found() -> SessionRow | None:
        session = next(iter(run.sessions("fix.implement_1")), None)
        if session is None or session.checkpoint is None:
            return None
        commands = (
            " ".join(process.cmdline()) for process in processes_of(str(session.id)) if process.is_running()
        )
        return session if any(command == "sleep 300" for command in commands) else None

    session = eventually("a checkpoint, and a long command", found, SECONDS)
    # the next checkpoint takes the transcript with the edit along
    time.sleep(2)
    return session


def kill_the_task(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage, run)
    task_process(str(session.id)).kill()
    stage.notes["seconds"] = seconds_until_gone(str(session.id))
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def fail_the_run(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage, run)
    stage.airflow.fail_run(run.dag_id, run.run_id)
    stage.notes["seconds"] = seconds_until_gone(str(session.id))
    eventually("the session is closed", lambda: run.sessions("fix.implement_1")[0].closed_at is not None, 60)


def sweep(stage: Stage) -> None:
    run = stage.start("bridle_sweeper")
    assert run.ended() == "success", run.failures()


KILLED = Scenario("killed", kill_the_task, script=bug_fixed_by(long_session()))
STOPPED = Scenario("stopped", fail_the_run, script=bug_fixed_by(long_session()))
SWEPT = Scenario("swept", sweep)


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_a_killed_task_leaves_nothing_running(stage: Stage) -> None:
    assert stage.notes["seconds"] < 10


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_the_retry_of_a_killed_task_goes_on_from_the_checkpoint(stage: Stage) -> None:
    """The same agent with the same transcript; the edit is not made a second time."""
    lost, resumed = stage.run.sessions("fix.implement_1")
    assert (lost.outcome, resumed.outcome) == ("lost", "done")
    assert resumed.resumed_from == lost.id
    assert resumed.session_ref == lost.session_ref
    edits = [
        session.id
        for session in (lost, resumed)
        for event in stage.ledger.events(session.id)
        if event.kind == "tool_call" and event.payload["tool"] == "Edit"
    ]
    assert edits == [lost.id]
    assert stage.run.task("fix.implement_1").try_number == 2


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_a_run_with_a_killed_task_ends_with_one_pull_request(stage: Stage) -> None:
    """What was finished before is not repeated, and what the kill interrupted is counted."""
    assert stage.run.sessions_by_task() == {"investigate": 1, "fix.implement_1": 2, "fix.review_1": 1}
    assert len(stage.pulls()) == 1
    assert stage.branches() == ["bridle/issue-1"]
    assert stage.check_passes("bridle/issue-1")
    patch = stage.repository.git("diff", "--stat", "main", "bridle/issue-1")
    assert "1 file changed" in patch
    assert stage.changes() == []


@pytest.mark.parametrize("stage", [STOPPED], indirect=True)
def test_a_run_that_is_marked_failed_stops_working_at_once(stage: Stage) -> None:
    assert stage.notes["seconds"] < 10
    (session,) = stage.run.sessions("fix.implement_1")
    assert session.outcome in ("stopped", "lost")
    assert stage.nothing_published()
    assert stage.run.ended() == "failed"


@pytest.mark.parametrize("stage", [SWEPT], indirect=True)
def test_the_sweeper_runs_beside_everything_else_and_takes_nothing_away_from_it(stage: Stage) -> None:
    assert stage.run.states() == {"sweep": "success"}
    assert "closed 0 lost sessions" in str(stage.run.xcoms()["sweep"]["summary"])
