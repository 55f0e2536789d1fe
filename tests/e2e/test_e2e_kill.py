"""A task is killed or stopped in mid-session: nothing works on, and nothing is lost or done twice."""

from collections.abc import Callable

import pytest
from e2e_interrupted import long_session, session_in_the_middle
from e2e_processes import seconds_until_gone, task_process
from e2e_scenario import Scenario, bug_fixed_by
from e2e_stage import Stage

pytestmark = pytest.mark.timeout(600)

AT_MOST = 20
"""Seconds after which nothing works any more; the agent's command takes 300."""


def kill_the_task(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage)
    task_process(str(session.id)).kill()
    stage.notes["seconds"] = seconds_until_gone(str(session.id))
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def clear_the_task(stage: Stage) -> None:
    """As a person does who thinks better of it while the agent is at work."""
    run = stage.start()
    session = session_in_the_middle(stage)
    wanted = {
        "dag_run_id": run.run_id,
        "task_ids": ["fix.implement_1"],
        "dry_run": False,
        "only_failed": False,
    }
    stage.airflow._call("POST", f"/api/v2/dags/{run.dag_id}/clearTaskInstances", json=wanted)
    stage.notes["seconds"] = seconds_until_gone(str(session.id))
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def mark_the_task(state: str) -> Callable[[Stage], None]:
    def mark(stage: Stage) -> None:
        run = stage.start()
        session = session_in_the_middle(stage)
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/fix.implement_1"
        stage.airflow._call("PATCH", path, json={"new_state": state})
        stage.notes["seconds"] = seconds_until_gone(str(session.id))
        run.ended()

    return mark


def sweep(stage: Stage) -> None:
    run = stage.start("bridle_sweeper")
    assert run.ended() == "success", run.failures()


KILLED = Scenario("killed", kill_the_task, script=bug_fixed_by(long_session()))
CLEARED = Scenario("cleared", clear_the_task, script=bug_fixed_by(long_session()))
WAVED_ON = Scenario("waved-on", mark_the_task("success"), script=bug_fixed_by(long_session()))
GIVEN_UP = Scenario("given-up", mark_the_task("failed"), script=bug_fixed_by(long_session()))
SWEPT = Scenario("swept", sweep)


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_a_killed_task_leaves_nothing_running(stage: Stage) -> None:
    assert stage.notes["seconds"] < AT_MOST


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


@pytest.mark.parametrize("stage", [CLEARED], indirect=True)
def test_a_task_that_is_cleared_at_work_stops_and_begins_again(stage: Stage) -> None:
    """One agent at a time, one pull request, and a new generation: a clear is no retry."""
    assert stage.notes["seconds"] < AT_MOST
    first, second = stage.run.sessions("fix.implement_1")
    assert first.outcome in ("stopped", "lost")
    assert second.outcome == "done"
    assert first.closed_at is not None
    assert second.attempt.generation > first.attempt.generation
    # what a person has stopped goes on from its checkpoint; of what was killed first, nothing is kept
    assert second.resumed_from == (first.id if first.outcome == "stopped" else None)
    assert len(stage.pulls()) == 1
    assert stage.check_passes("bridle/issue-1")


@pytest.mark.parametrize("stage", [WAVED_ON, GIVEN_UP], indirect=True)
def test_a_task_that_is_marked_as_ended_at_work_stops_and_nothing_unfinished_is_published(
    stage: Stage,
) -> None:
    assert stage.notes["seconds"] < AT_MOST
    (session,) = stage.run.sessions("fix.implement_1")
    assert session.outcome in ("stopped", "lost")
    assert stage.nothing_published()


@pytest.mark.parametrize("stage", [SWEPT], indirect=True)
def test_the_sweeper_runs_beside_everything_else_and_takes_nothing_away_from_it(stage: Stage) -> None:
    assert stage.run.states() == {"sweep": "success"}
    assert "closed 0 lost sessions" in str(stage.run.xcoms()["sweep"]["summary"])
