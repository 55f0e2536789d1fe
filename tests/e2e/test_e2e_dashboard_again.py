"""A run that wrote to one object more than once, and asked more than once, on its page."""

from collections import Counter

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import OF_RUN, key_of, rows
from e2e_processes import eventually
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, bug_fixed_by, edit
from e2e_stage import Stage
from test_e2e_cancel import clear_task

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
    """Another run has the pull request in between; the first is cleared, and once more while it asks."""
    first, second = stage.start(), stage.start()
    approve(first)
    approve(second)
    clear_task(first, "fix.implement_1")
    asked(stage, first, times=2)
    clear_task(first, "fix.review_1")
    asked(stage, first, times=3)
    approve(first)


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
def test_a_question_that_nobody_will_answer_any_more_is_withdrawn_on_the_runs_page(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open_run(stage.runs[0])
    states = rows(stage.ledger_url, QUESTIONS, **key_of(stage.runs[0]))
    assert sorted(row["state"] for row in states) == ["approve", "approve", "withdrawn"]
    bars = page.locator("[data-step=approve_pull_request] [data-kind=approval]")
    assert Counter(bar.get_attribute("data-state") for bar in bars.all()) == {"approve": 2, "withdrawn": 1}
    assert dashboard.get("waiting").count() == 0
    page.locator("[data-testid=bar][data-state=withdrawn]").click()
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
