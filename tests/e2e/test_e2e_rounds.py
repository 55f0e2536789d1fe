"""A review that asks for changes, and an issue that is worked on more than once."""

import pytest
from e2e_scenario import APPROVES, Scenario, answering, bug_fixed_by, edit
from e2e_stage import Stage

from bridle.ledger.run_list import pull_requests_of

pytestmark = pytest.mark.timeout(600)


def approve(stage: Stage) -> None:
    run = stage.start()
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def two_at_once_and_then_another(stage: Stage) -> None:
    first, second = stage.start(), stage.start()
    first.answer("Approve")
    second.answer("Approve")
    for run in (first, second):
        assert run.ended() == "success", run.failures()
    stage.notes["pulls after two at once"] = len(stage.pulls())
    third = stage.start()
    third.answer("Approve")
    assert third.ended() == "success", third.failures()


SHORT = "a +  b"
REVIEWED = Scenario(
    "reviewed",
    approve,
    script={
        **bug_fixed_by(
            edit("a - b", SHORT),
            review=answering(
                verdict="changes",
                summary="One blank too many.",
                findings=[{"severity": "blocking", "path": "calc.py", "line": 2, "text": "two blanks"}],
            ),
        ),
        "fix.implement_2": [edit(SHORT, "a + b")],
        "fix.review_2": [APPROVES],
    },
)

TWICE = Scenario("twice", two_at_once_and_then_another, script=bug_fixed_by(edit("a - b", "a + b")))


@pytest.mark.parametrize("stage", [REVIEWED], indirect=True)
def test_a_review_that_asks_for_changes_leads_to_another_round(stage: Stage) -> None:
    """Round 2 starts from round 1's commit, and the second review's commit is the one that is published."""
    assert stage.run.sessions_by_task() == {
        "investigate": 1,
        "fix.implement_1": 1,
        "fix.review_1": 1,
        "fix.implement_2": 1,
        "fix.review_2": 1,
    }
    (first,), (second,) = stage.run.sessions("fix.implement_1"), stage.run.sessions("fix.implement_2")
    assert second.base_commit == first.commit
    assert stage.tip("bridle/issue-1") == second.commit
    assert stage.show("bridle/issue-1", "calc.py") == "def add(a, b):\n    return a + b\n"
    choices = {
        row.attempt.step.task_id: row.choice for row in stage.ledger.decisions("issue_fix", stage.run.run_id)
    }
    assert choices["fix.again_1"] == "yes"
    (pull,) = stage.pulls()
    assert "Review: approve" in pull.body


@pytest.mark.parametrize("stage", [TWICE], indirect=True)
def test_an_issue_has_one_pull_request_however_often_it_is_worked_on(stage: Stage) -> None:
    """Two runs at once, and a third one later: the branch and its pull request are brought up to date."""
    assert stage.notes["pulls after two at once"] == 1
    assert len(stage.pulls()) == 1
    assert stage.branches() == ["bridle/issue-1"]
    assert len(stage.comments()) == 1
    last = stage.runs[-1].sessions("fix.implement_1")[-1]
    assert stage.tip("bridle/issue-1") == last.commit
    assert stage.changes() == []


@pytest.mark.parametrize("stage", [TWICE], indirect=True)
def test_each_run_of_an_issue_keeps_what_it_wrote_though_the_pull_request_is_one(stage: Stage) -> None:
    """On its own page, with its own commit and time, and in the list of runs."""
    times, addresses = set(), set()
    for run in stage.runs:
        wrote = {row.kind: row for row in stage.ledger.effects(run.dag_id, run.run_id)}
        assert {"push", "pull_request", "comment"} <= set(wrote)
        assert {row.state for row in wrote.values()} == {"done"}
        assert wrote["push"].version == run.sessions("fix.implement_1")[-1].commit
        times.add(wrote["pull_request"].done_at)
        addresses.add((wrote["pull_request"].receipt or {})["url"])
    assert (len(times), len(addresses)) == (3, 1)
    keys = [(run.dag_id, run.run_id) for run in stage.runs]
    listed = {row["run_id"]: row["url"] for row in stage.ledger.rows(pull_requests_of(keys))}
    assert listed == {run_id: addresses.copy().pop() for _, run_id in keys}
