"""A whole run is marked as failed, cleared or deleted in Airflow's UI while its agent works."""

from functools import partial

import pytest
from e2e_figures import OF_RUN, key_of, rows, scalar, spent
from e2e_held import NOTHING, held, seconds_to_end
from e2e_interrupted import long_session, session_in_the_middle
from e2e_processes import eventually
from e2e_run import SECONDS, Run
from e2e_scenario import FILES, Scenario, bug_fixed_by
from e2e_stage import Stage
from test_e2e_goal import one_task

from bridle.errors import InvalidInput
from bridle.ledger.records import SessionRow

pytestmark = pytest.mark.timeout(600)

AT_ONCE = 10
"""Seconds from the click until nothing works any more."""


def mark_failed(run: Run) -> None:
    """Mark run as failed: what the button of that name sends."""
    run.airflow._call("PATCH", _path(run), json={"state": "failed", "note": None})


def clear(run: Run) -> None:
    """Clear run: what is there already, as its dialogue has it at first."""
    wanted = {"dry_run": False, "only_failed": False, "only_new": False, "note": None}
    run.airflow._call("POST", f"{_path(run)}/clear", json=wanted)


def clear_task(run: Run, task_id: str) -> None:
    """Clear task instance: with what follows it, as its dialogue has it at first."""
    wanted = {"dag_run_id": run.run_id, "task_ids": [task_id], "include_downstream": True, "note": None}
    wanted |= {"dry_run": False, "only_failed": False, "include_upstream": False}
    run.airflow._call("POST", f"/api/v2/dags/{run.dag_id}/clearTaskInstances", json=wanted)


def delete(run: Run) -> None:
    """Delete run."""
    run.airflow._call("DELETE", _path(run))


def _path(run: Run) -> str:
    return f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}"


def fail_and_clear_what_worked(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage)
    stage.notes["seconds"] = seconds_to_end(str(session.id), partial(mark_failed, run))
    stage.notes["ended"] = (run.ended(), stage.nothing_published())
    sweep(stage, run)
    clear_task(run, "fix.implement_1")
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def clear_at_work(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage)
    stage.notes["before"] = spent(stage.ledger_url, OF_RUN, **key_of(run))
    stage.notes["seconds"] = seconds_to_end(str(session.id), partial(clear, run))
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def delete_at_work(stage: Stage) -> None:
    run = stage.start()

    def asks() -> SessionRow | None:
        found = run.sessions("fix.implement_1")
        return found[0] if found and found[0].checkpoint and held(stage.ledger_url, run)["calls"] else None

    session = eventually("an edit is kept, and a model is asked", asks, SECONDS)
    stage.notes["held"] = held(stage.ledger_url, run)
    with pytest.raises(InvalidInput, match="cannot be deleted in running state"):
        delete(run)

    def click() -> None:
        mark_failed(run)
        delete(run)

    stage.notes["seconds"] = seconds_to_end(str(session.id), click)
    sweep(stage, run)


def fail_a_round(stage: Stage) -> None:
    run = stage.start("goal_loop", goal="Let it add.", human_review="never")
    session = session_in_the_middle(stage, "work")
    stage.notes["seconds"] = seconds_to_end(str(session.id), partial(mark_failed, run))
    sweep(stage, run)
    stage.notes["swept"] = rows(stage.ledger_url, "select * from loop where id = :id", id=run.run_id)[0]
    clear(run)
    assert run.ended() == "success", run.failures()


def fail_a_run_of_a_spec(stage: Stage) -> None:
    run = stage.start("spec_routine", spec="PLAN.md")
    session = session_in_the_middle(stage, "work_1.implement_1")
    stage.notes["held"] = held(stage.ledger_url, run)
    stage.notes["seconds"] = seconds_to_end(str(session.id), partial(mark_failed, run))
    sweep(stage, run)


def sweep(stage: Stage, run: Run) -> None:
    """What the sweeper's next run does, after which the run may hold nothing.

    Of a session that was killed before it could say so, it has to wait for the lease.
    """
    alive = f"select count(*) from session s where {OF_RUN} and closed_at is null and expires_at > now()"
    eventually("no session is alive", lambda: not scalar(stage.ledger_url, alive, **key_of(run)), 240)
    sweeper = stage.start("bridle_sweeper")
    stage.runs.remove(sweeper)
    assert sweeper.ended() == "success", sweeper.failures()
    stage.notes["left"] = held(stage.ledger_url, run)


LONG = bug_fixed_by(long_session())
RUN_FAILED = Scenario("run-failed", fail_and_clear_what_worked, script=LONG)
RUN_CLEARED = Scenario("run-cleared", clear_at_work, script=LONG)
RUN_DELETED = Scenario(
    "run-deleted",
    delete_at_work,
    script=bug_fixed_by([*long_session()[:2], {"text": "At last.", "delay": 1200}]),
)
ROUND_FAILED = Scenario(
    "round-failed",
    fail_a_round,
    script={
        "r1.orchestrate": [one_task("Add")],
        "r1.work.0": [long_session()],
    },
)
SPEC_FAILED = Scenario(
    "spec-failed",
    fail_a_run_of_a_spec,
    script={"work_1.implement_1": [long_session()]},
    files={**FILES, "PLAN.md": "# Plan\n\n- [ ] T001 Let add add\n"},
)
ALL = (RUN_FAILED, RUN_CLEARED, RUN_DELETED, ROUND_FAILED, SPEC_FAILED)


@pytest.mark.parametrize("stage", ALL, indirect=True)
def test_nothing_of_a_run_works_ten_seconds_after_it_was_failed_cleared_or_deleted(stage: Stage) -> None:
    print(f"{stage.scenario.name}: {stage.notes['seconds']:.1f} s")
    assert stage.notes["seconds"] <= AT_ONCE


@pytest.mark.parametrize("stage", [RUN_FAILED], indirect=True)
def test_a_run_that_is_marked_failed_publishes_and_holds_nothing(stage: Stage) -> None:
    assert stage.notes["ended"] == ("failed", True)
    assert stage.notes["left"] == NOTHING


@pytest.mark.parametrize("stage", [RUN_FAILED], indirect=True)
def test_a_run_that_was_marked_failed_goes_on_from_its_checkpoint_when_its_task_is_cleared(
    stage: Stage,
) -> None:
    """A person has stopped it: finished steps stay, and the edit is not made a second time."""
    assert stage.run.sessions_by_task() == {"investigate": 1, "fix.implement_1": 2, "fix.review_1": 1}
    stopped, resumed = stage.run.sessions("fix.implement_1")
    assert stopped.outcome in ("stopped", "lost")
    assert resumed.outcome == "done"
    # of what Airflow killed before it could stop, as it does after five seconds, nothing is kept
    assert resumed.resumed_from == (stopped.id if stopped.outcome == "stopped" else None)
    assert len(stage.pulls()) == 1
    assert stage.check_passes("bridle/issue-1")
    assert held(stage.ledger_url, stage.run) == NOTHING


@pytest.mark.parametrize("stage", [RUN_CLEARED], indirect=True)
def test_a_run_that_is_cleared_at_work_does_each_step_once_more_and_comes_to_one_pull_request(
    stage: Stage,
) -> None:
    assert stage.run.sessions_by_task() == {"investigate": 2, "fix.implement_1": 2, "fix.review_1": 1}
    for task_id in ("investigate", "fix.implement_1"):
        before, after = stage.run.sessions(task_id)
        assert after.attempt.generation > before.attempt.generation, task_id
        assert after.outcome == "done", task_id
    stopped, resumed = stage.run.sessions("fix.implement_1")
    assert stopped.outcome in ("stopped", "lost")
    assert resumed.resumed_from == (stopped.id if stopped.outcome == "stopped" else None)
    assert len(stage.pulls()) == 1
    assert stage.branches() == ["bridle/issue-1"]
    assert stage.check_passes("bridle/issue-1")
    assert held(stage.ledger_url, stage.run) == NOTHING


@pytest.mark.parametrize("stage", [RUN_CLEARED], indirect=True)
def test_the_figures_of_a_cleared_run_keep_what_it_had_cost_before(stage: Stage) -> None:
    """By our own sum, by the sum that pages and commands show, and by what the scripted model counted."""
    exact = spent(stage.ledger_url, OF_RUN, **key_of(stage.run))
    assert exact["tokens"] > stage.notes["before"]["tokens"] > 0
    key = (stage.run.dag_id, stage.run.run_id)
    told = stage.ledger.totals_of_runs([key])[key]
    assert (told.calls, told.usage.total, told.known_usd) == (exact["calls"], exact["tokens"], exact["usd"])
    counted = stage.counted().values()
    assert exact["calls"] == sum(each.calls for each in counted)
    assert exact["input"] == sum(each.input_tokens for each in counted)
    assert exact["output"] == sum(each.output_tokens for each in counted)
    spent_by_run = "select spent_tokens from budget where scope = 'run:' || :dag || '/' || :run"
    assert scalar(stage.ledger_url, spent_by_run, **key_of(stage.run)) == exact["tokens"]
    row = next(line for line in stage.pulls()[0].body.splitlines() if "**in all**" in line)
    cells = [cell.strip() for cell in row.split("|")]
    assert [cells[5], cells[7]] == [f"{exact[name]:,}" for name in ("input", "output")]
    assert int(cells[4]) == exact["sessions"] == 5


@pytest.mark.parametrize("stage", [RUN_DELETED], indirect=True)
def test_a_run_that_is_deleted_at_work_stays_in_the_books_and_holds_nothing(stage: Stage) -> None:
    """The call that was under way was reserved; nobody knows what it cost, so its estimate counts."""
    assert stage.notes["held"]["calls"] == 1
    assert stage.notes["held"]["tokens"] > 0
    assert stage.notes["left"] == NOTHING
    (session,) = stage.run.sessions("fix.implement_1")
    assert session.outcome in ("stopped", "lost")
    calls = stage.ledger.calls(session.id)
    spent_tokens = sum(call.usage.total if call.usage else call.estimated_tokens for call in calls)
    in_budget = "select spent_tokens from budget where scope = :scope"
    assert scalar(stage.ledger_url, in_budget, scope=f"session:{session.id}") == spent_tokens
    assert stage.nothing_published()


@pytest.mark.parametrize("stage", [ROUND_FAILED], indirect=True)
def test_the_sweeper_closes_a_loop_whose_run_was_marked_failed_and_a_clear_lets_it_go_on(
    stage: Stage,
) -> None:
    """No step of the round was left to do so."""
    swept = stage.notes["swept"]
    assert (swept["state"], swept["closed_at"] is not None) == ("failed", True)
    assert stage.run.run_id in swept["reason"]
    assert stage.notes["left"] == NOTHING
    (row,) = rows(stage.ledger_url, "select state, reason from loop where id = :id", id=stage.run.run_id)
    assert row["state"] == "done", row["reason"]
    assert len(stage.pulls()) == 1
    assert stage.check_passes(stage.branches()[0])


@pytest.mark.parametrize("stage", [SPEC_FAILED], indirect=True)
def test_the_sweeper_lets_go_of_a_spec_whose_run_was_marked_failed(stage: Stage) -> None:
    assert stage.notes["held"]["leases"] == 1
    assert stage.notes["left"] == NOTHING
    (task,) = rows(
        stage.ledger_url,
        "select state, attempts from spec_task where spec = :spec",
        spec="spec-failed:PLAN.md",
    )
    assert dict(task) == {"state": "open", "attempts": 0}
    assert stage.nothing_published()
