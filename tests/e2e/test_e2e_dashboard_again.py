"""A run that wrote to one object more than once, and asked more than once, on its page."""

import time
from collections import Counter

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import OF_RUN, key_of, rows
from e2e_processes import eventually
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, bug_fixed_by, edit
from e2e_stage import Stage
from test_e2e_cancel import clear_task

from bridle.ledger.reviews import ABOUT
from bridle.local.rest import SETTLE_SECONDS

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)

pytestmark = pytest.mark.timeout(900)

QUESTIONS = f"""
    select coalesce(decision, 'waiting') as state from review s
    where {OF_RUN} and task_id = 'approve_pull_request'
"""
WRITES = f"""
    select key, version, kind from (
        select key, version, kind, dag_id, run_id from effect
        union all select key, version, kind, dag_id, run_id from effect_past) s where {OF_RUN}
"""


def cleared_when_done_and_when_it_asks(stage: Stage) -> None:
    """Another run has the pull request in between; the first is cleared, and answered in Airflow's form."""
    first, second = stage.start(), stage.start()
    approve(first)
    approve(second)
    clear_task(first, "fix.implement_1")
    asked(stage, first, times=2)
    clear_task(first, "fix.review_1")
    asked(stage, first, times=3)
    stage.notes["airflow"] = form = first.airflow._get(f"{task_of(first)}/-1/hitlDetails")
    stage.notes["bridle"] = first.airflow._call("GET", "/bridle/api/approvals")["approvals"]
    filled = {name: field["value"] for name, field in form["params"].items()}
    answer = {"chosen_options": ["Approve"], "params_input": filled}
    time.sleep(SETTLE_SECONDS)
    first.airflow._call("PATCH", f"{task_of(first)}/-1/hitlDetails", json=answer)
    assert first.ended() == "failed"
    stage.notes["refused"] = first.error("approve_pull_request")
    clear_task(first, "approve_pull_request")
    asked(stage, first, times=4)
    approve(first)


def task_of(run: Run) -> str:
    return f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/approve_pull_request"


def approve(run: Run) -> None:
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def asked(stage: Stage, run: Run, *, times: int) -> None:
    eventually(
        f"{run.run_id} asks for the {times}. time",
        lambda: len(rows(stage.ledger_url, QUESTIONS, **key_of(run))) == times,
        SECONDS,
    )
    run.question()  # its task waits by now: one that still works would be restarted, and ask the same again


AGAIN = Scenario("again", cleared_when_done_and_when_it_asks, script=bug_fixed_by(edit("a - b", "a + b")))


@pytest.mark.parametrize("stage", [AGAIN], indirect=True)
def test_what_airflow_shows_of_an_earlier_question_is_no_answer_to_the_one_that_is_asked(
    stage: Stage,
) -> None:
    """Airflow shows the first question of a task for ever; Bridle's page shows what is asked now."""
    first = stage.runs[0]
    commits = [row.commit or "" for row in first.sessions("fix.implement_1")]
    assert len(set(commits)) == 2, "the clear came to another commit"
    airflow = stage.notes["airflow"]
    assert airflow["params"][ABOUT]["value"] == commits[0]
    assert commits[0][:10] in airflow["body"]
    (shown,) = [each for each in stage.notes["bridle"] if each["run_id"] == first.run_id]
    assert shown["filled"] == {ABOUT: commits[1]} and list(shown["params"]) == ["feedback"]
    assert f"Commit `{commits[1][:10]}`" in shown["body"] and commits[0][:10] not in shown["body"]
    assert "ReviewMismatch" in stage.notes["refused"] and "page of approvals" in stage.notes["refused"]


@pytest.mark.parametrize("stage", [AGAIN], indirect=True)
def test_a_question_that_nobody_will_answer_any_more_is_withdrawn_on_the_runs_page(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open_run(stage.runs[0])
    states = rows(stage.ledger_url, QUESTIONS, **key_of(stage.runs[0]))
    assert sorted(row["state"] for row in states) == ["approve", "approve", "withdrawn", "withdrawn"]
    bars = page.locator("[data-step=approve_pull_request] [data-kind=approval]")
    assert Counter(bar.get_attribute("data-state") for bar in bars.all()) == {"approve": 2, "withdrawn": 2}
    assert dashboard.get("waiting").count() == 0
    page.locator("[data-testid=bar][data-state=withdrawn]").first.click()
    assert "asked anew" in dashboard.get("span-details").inner_text()


@pytest.mark.parametrize("stage", [AGAIN], indirect=True)
def test_each_write_to_one_object_has_a_bar_of_its_own(stage: Stage, dashboard: Dashboard) -> None:
    """Each opens what was written then, and only its own bar is marked as open."""
    first = stage.runs[0]
    wrote = rows(stage.ledger_url, WRITES, **key_of(first))
    pushed = {row["version"]: row["key"] for row in wrote if row["kind"] == "push"}
    assert (len(pushed), len(set(pushed.values()))) == (2, 1), "two commits to one branch"
    page = dashboard.open_run(first)
    assert page.locator("[data-testid=bar][data-kind=effect]").count() == len(wrote)
    bars = page.locator(f"[data-testid=bar][data-bar*='{set(pushed.values()).pop()}']")
    assert bars.count() == 2
    told = set()
    for bar in bars.all():
        bar.click()
        assert page.locator("[data-bar][aria-expanded=true]").count() == 1
        assert bar.get_attribute("aria-expanded") == "true"
        told.add(dashboard.get("span-details").inner_text())
    assert all(any(commit[:10] in text for text in told) for commit in pushed), told
