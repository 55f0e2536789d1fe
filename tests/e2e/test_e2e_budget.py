"""A run whose budget is spent, and a person who raises it in Airflow's UI."""

import pytest
from e2e_run import Run
from e2e_scenario import Scenario, bug_fixed_by, edit
from e2e_stage import Stage

pytestmark = pytest.mark.timeout(600)

DEAR = {"input_tokens": 418_000, "output_tokens": 100}
LOOK, CHANGE, DONE = edit("a - b", "a + b")


def spend_and_extend(stage: Stage) -> None:
    run = stage.start(budget_usd=50, budget_tokens=420_000)
    assert run.ended() == "failed"
    stage.notes["error"] = run.error("fix.implement_1")
    scope = f"run:issue_fix/{run.run_id}"
    conf = {"scope": scope, "tokens": 5_000_000}
    raised = Run(
        stage.airflow, stage.ledger, stage.airflow.trigger("bridle_budget", conf, run_id=stage.scenario.name)
    )
    assert raised.ended() == "success", raised.failures()
    wanted = {"dag_run_id": run.run_id, "dry_run": False, "only_failed": True, "reset_dag_runs": True}
    stage.airflow._call("POST", f"/api/v2/dags/{run.dag_id}/clearTaskInstances", json=wanted)
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


SPENT = Scenario("spent", spend_and_extend, script=bug_fixed_by([LOOK, {**CHANGE, "usage": DEAR}, DONE]))


@pytest.mark.parametrize("stage", [SPENT], indirect=True)
def test_a_spent_budget_ends_the_run_names_the_remedy_and_after_it_the_work_goes_on(stage: Stage) -> None:
    """No retry burns more; the edit before the refusal is in the pull request, and was made once."""
    error = stage.notes["error"]
    assert f"the budget of run:issue_fix/{stage.run.run_id} is spent: of 420,000 tokens" in error
    assert "bridle budget" in error
    limited, resumed = stage.run.sessions("fix.implement_1")
    assert (limited.outcome, resumed.outcome) == ("limit", "done")
    assert resumed.resumed_from == limited.id
    (pull,) = stage.pulls()
    assert stage.check_passes(pull.head["head"])


@pytest.mark.parametrize("stage", [SPENT], indirect=True)
def test_80_percent_were_told_in_the_log_and_are_an_event(stage: Stage) -> None:
    limited = stage.run.sessions("fix.implement_1")[0]
    (told,) = (row for row in stage.ledger.events(limited.id) if row.kind == "budget")
    assert told.payload["scope"] == f"run:issue_fix/{stage.run.run_id}"
    assert told.payload["message"] in stage.run.log("fix.implement_1", limited.attempt.try_number)
