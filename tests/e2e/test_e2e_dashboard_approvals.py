"""What waits for a human is turned down, or sent back, on the dashboard's page of approvals."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import OF_RUN, key_of, rows
from e2e_processes import eventually
from e2e_run import Run
from e2e_scenario import Scenario, bug_fixed_by, edit
from e2e_shown import FEEDBACK, wait_for_a_human
from e2e_stage import Stage
from test_e2e_goal import one_task, round_of

from bridle.ledger.reviews import ABOUT
from bridle.ledger.store import Ledger

if TYPE_CHECKING:
    from playwright.sync_api import Locator

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)

pytestmark = pytest.mark.timeout(900)

MORE = "Say in the README what add does."


def wait_after_the_goal(stage: Stage) -> None:
    stage.start("goal_loop", goal="Let it add.", human_review="each round").question()


TURNED_DOWN = Scenario("turned-down", wait_for_a_human, script=bug_fixed_by(edit("a - b", "a + b")))
SENT_BACK = Scenario(
    "sent-back",
    wait_after_the_goal,
    script={
        "r1.orchestrate": [one_task("Add")],
        "r1.work.0": [edit("a - b", "a + b")],
        "r2.orchestrate": [one_task("Tell")],
        "r2.work.0": [edit("a + b", "a + b  # the sum")],
    },
)
"""A loop whose criteria hold after its first round."""


def question_on(dashboard: Dashboard, run: Run) -> "Locator":
    """The run's question on the page of approvals, when it has been there for a little while."""
    asked = run.question()
    fresh = asked.created_at + timedelta(seconds=15)
    eventually("Airflow has seen that the task waits", lambda: datetime.now(UTC) > fresh, 120)
    page = dashboard.open("approvals", "approval")
    return page.locator(f"[data-testid=approval][data-run='{run.run_id}']")


def answer_in_airflow(run: Run, task_id: str) -> tuple[list[str], dict[str, str], str]:
    """What was chosen, what was filled in, and by whom."""
    path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/-1/hitlDetails"
    kept = run.airflow._get(path)
    return kept["chosen_options"], kept["params_input"], kept["responded_by_user"]["name"]


def reviews(stage: Stage, run: Run, task_id: str) -> list[dict[str, str]]:
    sql = f"select decision, by, feedback, commit from review s where {OF_RUN} and task_id = :task"
    return [dict(row) for row in rows(stage.ledger_url, sql, **key_of(run), task=task_id)]


@pytest.mark.parametrize("stage", [TURNED_DOWN], indirect=True)
def test_a_pull_request_is_turned_down_with_feedback_on_the_page_of_approvals(
    stage: Stage, dashboard: Dashboard
) -> None:
    run = stage.run
    asked = question_on(dashboard, run)
    asked.get_by_test_id("param-feedback").fill(FEEDBACK)
    asked.get_by_test_id("answer-Reject").click()
    asked.wait_for(state="detached")
    assert dashboard.get("answered").first.inner_text().startswith("✓ Reject: Open a draft pull request")
    assert run.ended() == "success", run.failures()
    commit = run.sessions("fix.implement_1")[0].commit
    told = {"feedback": FEEDBACK, ABOUT: commit}
    assert answer_in_airflow(run, "approve_pull_request") == (["Reject"], told, "admin")
    states = run.states()
    assert states["approve_pull_request"] == "success"
    assert {states[task] for task in ("open_pull_request", "report", "label_fixed")} == {"skipped"}
    (review,) = reviews(stage, run, "approve_pull_request")
    assert review == {"decision": "reject", "by": "human:admin", "feedback": FEEDBACK, "commit": commit}
    decisions = rows(
        stage.ledger_url,
        f"select choice, why from decision s where {OF_RUN} and by = 'human:admin'",
        **key_of(run),
    )
    assert [dict(row) for row in decisions] == [{"choice": "reject", "why": FEEDBACK}]
    assert rows(stage.ledger_url, f"select key from effect s where {OF_RUN}", **key_of(run)) == []
    assert stage.nothing_published()
    dashboard.open_run(run, "decision")
    decided = dashboard.get("decision").last
    assert FEEDBACK in decided.inner_text()
    assert decided.locator("b").count() == 0


@pytest.mark.parametrize("stage", [SENT_BACK], indirect=True)
def test_a_round_is_sent_back_with_feedback_which_the_next_orchestrator_is_told(
    stage: Stage, dashboard: Dashboard
) -> None:
    """Its criteria hold, and a person wants more: another round is made of what they say."""
    first = stage.runs[0]
    asked = question_on(dashboard, first)
    asked.get_by_test_id("param-feedback").fill(MORE)
    asked.get_by_test_id("answer-Reject").click()
    asked.wait_for(state="detached")
    assert first.ended() == "success", first.failures()
    options, told, who = answer_in_airflow(first, "review_round")
    assert (options, told["feedback"], who) == (["Reject"], MORE, "admin")
    assert first.states()["open_pull_request"] == "skipped"
    assert stage.nothing_published()
    (review,) = reviews(stage, first, "review_round")
    assert (review["decision"], review["by"], review["feedback"]) == ("reject", "human:admin", MORE)
    (row,) = rows(
        stage.ledger_url,
        "select answer, verdict, reason from loop_round where loop_id = :id and round = 1",
        id=first.run_id,
    )
    assert row["answer"] == {"choice": "reject", "by": "human:admin", "feedback": MORE}
    assert (row["verdict"], row["reason"]) == ("next", "human:admin asks for more")

    second = round_of(stage, 2)
    second.question()
    (session,) = second.sessions("orchestrate")
    with Ledger(stage.ledger_url) as ledger:
        assert f"A person says: {MORE}" in ledger.get_artifact(session.prompt_ref).decode()

    asked = question_on(dashboard, second)
    asked.get_by_test_id("answer-Approve").click()
    asked.wait_for(state="detached")
    assert second.ended() == "success", second.failures()
    assert len(stage.pulls()) == 1
    assert "# the sum" in stage.show(stage.branches()[0], "calc.py")
    dashboard.open("loop", "round", id=first.run_id)
    assert f"admin: reject: {MORE}" in dashboard.get("human").first.inner_text()
