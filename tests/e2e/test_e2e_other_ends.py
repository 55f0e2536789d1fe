"""Runs that end without a pull request, on purpose."""

import pytest
from e2e_scenario import Scenario, answering, bug_fixed_by, edit
from e2e_stage import Stage

pytestmark = pytest.mark.timeout(600)


def reject(stage: Stage) -> None:
    run = stage.start()
    run.answer("Reject", feedback="Not like this.")
    assert run.ended() == "success", run.failures()


def run_to_success(stage: Stage) -> None:
    run = stage.start()
    assert run.ended() == "success", run.failures()


def approve_and_fail(stage: Stage) -> None:
    run = stage.start()
    run.answer("Approve")
    assert run.ended() == "failed"


REJECTED = Scenario("rejected", reject, script=bug_fixed_by(edit("a - b", "a + b")))

QUESTION = Scenario(
    "question",
    run_to_success,
    script={"answer": [answering(answer="It subtracts; see `calc.py`.")]},
    issue={"labels": ["question"]},
)

WORKFLOW = ".github/workflows/x.yml"
PROTECTED = Scenario(
    "protected",
    approve_and_fail,
    script=bug_fixed_by(
        [
            {"ops": [{"op": "read", "path": "calc.py"}]},
            {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
            {
                "ops": [
                    {"op": "shell", "command": f"mkdir -p .github/workflows && echo 'on: push' > {WORKFLOW}"}
                ]
            },
            {"text": "Fixed, with a workflow that tests it."},
        ]
    ),
)


@pytest.mark.parametrize("stage", [REJECTED], indirect=True)
def test_what_a_human_rejects_is_not_published(stage: Stage) -> None:
    """The run is a success, publishing is skipped, and the ledger has who said no and why."""
    assert stage.nothing_published()
    states = stage.run.states()
    assert states["approve_pull_request"] == "success"
    assert {states[task] for task in ("open_pull_request", "report", "label_fixed")} == {"skipped"}
    (review,) = (row for row in stage.ledger.reviews("issue_fix", stage.run.run_id) if row.commit)
    assert (review.decision, review.by, review.feedback) == ("reject", "human:admin", "Not like this.")
    assert review.commit == stage.run.sessions("fix.implement_1")[0].commit
    assert stage.ledger.effects("issue_fix", stage.run.run_id) == []


@pytest.mark.parametrize("stage", [QUESTION], indirect=True)
def test_a_question_ends_with_one_comment_and_no_patch(stage: Stage) -> None:
    (comment,) = stage.comments()
    assert comment.startswith("It subtracts; see `calc.py`.")
    assert not (stage.branches() or stage.pulls() or stage.changes())
    assert stage.run.sessions_by_task() == {"answer": 1}
    states = stage.run.states()
    assert {task for task, state in states.items() if state == "success"} == {
        "fetch_issue",
        "classify",
        "answer",
        "comment_answer",
    }
    assert set(states.values()) == {"success", "skipped"}


@pytest.mark.parametrize("stage", [PROTECTED], indirect=True)
def test_a_patch_that_touches_a_protected_path_is_refused_at_once(stage: Stage) -> None:
    """Even an approved one; the message names the path and the rule, and nothing was pushed."""
    assert stage.nothing_published()
    publish = stage.run.task("open_pull_request")
    assert (publish.state, publish.try_number) == ("failed", 1)
    error = stage.run.error("open_pull_request")
    assert "PolicyViolation" in error
    assert WORKFLOW in error
    assert "protected" in error
    assert stage.ledger.effects("issue_fix", stage.run.run_id) == []
