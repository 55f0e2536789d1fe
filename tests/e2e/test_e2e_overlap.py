"""Two tries of one task at once: Airflow takes a living one for dead, and starts the next beside it.

That is what a restarted scheduler, a machine that slept or a network that was away for a while lead to, even
without retries. Here Airflow's supervisor of the task is suspended, so that its heartbeats stop.
"""

import pytest
from e2e_interrupted import long_session, session_in_the_middle
from e2e_processes import eventually, processes_of, seconds_until_gone, task_process
from e2e_run import SECONDS
from e2e_scenario import Scenario, bug_fixed_by
from e2e_stage import Stage

pytestmark = pytest.mark.timeout(600)


def take_it_for_dead(stage: Stage) -> None:
    run = stage.start()
    session = session_in_the_middle(stage)
    supervisor = task_process(str(session.id)).parent()
    assert supervisor is not None

    def beside() -> bool:
        (task,) = [it for it in run.airflow.tasks(run.dag_id, run.run_id) if it.task_id == "fix.implement_1"]
        return task.try_number == 2 and task.state == "running" and bool(processes_of(str(session.id)))

    supervisor.suspend()
    try:
        eventually("the second try runs beside the first, whose agent lives", beside, SECONDS)
        stage.notes["seconds"] = seconds_until_gone(str(session.id))
    finally:
        supervisor.resume()
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


OVERLAP = Scenario("overlap", take_it_for_dead, script=bug_fixed_by(long_session()))


@pytest.mark.parametrize("stage", [OVERLAP], indirect=True)
def test_an_older_try_stops_by_itself_when_a_newer_one_has_begun(stage: Stage) -> None:
    """Nobody kills it: at its next heartbeat, every five seconds, it sees that the step is another's."""
    assert stage.notes["seconds"] < 60, "the command under way takes 300"


@pytest.mark.parametrize("stage", [OVERLAP], indirect=True)
def test_of_two_tries_at_once_only_the_newer_one_writes(stage: Stage) -> None:
    older, newer = stage.run.sessions("fix.implement_1")
    assert (older.outcome, newer.outcome) == ("lost", "done")
    assert newer.fence.token > older.fence.token
    assert newer.resumed_from == older.id
    assert older.commit is None
    assert stage.run.sessions_by_task() == {"investigate": 1, "fix.implement_1": 2, "fix.review_1": 1}
    assert len(stage.pulls()) == 1
    assert stage.check_passes("bridle/issue-1")
    assert stage.changes() == []
