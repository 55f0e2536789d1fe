"""What stands between a commit and the world, with a real remote and a real ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness_bench import Bed, edit

from bridle.errors import PolicyViolation, ReviewMismatch
from bridle.harness.approval import ask, record_answer
from bridle.harness.publish import Publication, publish
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.harness.work import work
from bridle.testing.git_repository import plain_git

Make = Callable[..., Bed]

ISSUE = {"number": 7, "title": "add subtracts", "text": "…", "labels": [], "author": "ada", "url": ""}
SEEN = {
    "issue": ISSUE,
    "brief": {"root_cause": "a minus", "files": ["calc.py"], "plan": "Make it a plus.", "confidence": 1},
    "review": {"verdict": "approve", "summary": "Right.", "findings": []},
}


def published(step: Step, here: Bed, done: StepResult) -> StepResult:
    """Publish what `work` came to."""
    return publish(
        step,
        here.user.configured(),
        Publication(
            commit=done.commit or "",
            base=done.base or "",
            number=7,
            target="main",
            draft=True,
            template="pull_request.md",
            inputs=SEEN,
        ),
    )


def branches(here: Bed) -> list[str]:
    return plain_git(here.user.path, "branch", "--format=%(refname:short)").split()


def pulls(here: Bed) -> list[Path]:
    return sorted((here.user.path.parent / "pulls").glob("*.md"))


@pytest.fixture
def fixed(bed: Make) -> tuple[Bed, StepResult]:
    here = bed({"implement": [edit("a - b", "a + b")]})
    (here.user.path.parent / "issues").mkdir()
    (here.user.path.parent / "issues" / "7.md").write_text("---\ntitle: add subtracts\n---\nIt does.\n")
    return here, work(here.step(), here.work())


def test_a_commit_becomes_one_pull_request_with_evidence(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    result = published(here.step(task="publish"), here, done)
    assert branches(here) == ["bridle/issue-7", "main"]
    assert plain_git(here.user.path, "rev-parse", "bridle/issue-7").strip() == done.commit
    [pull] = pulls(here)
    text = pull.read_text()
    assert "Fix #7: add subtracts" in text
    assert "`python3 test_calc.py`" in text
    assert f"{done.tokens:,}" in text
    assert result.result["url"].endswith("pulls/1.md")


def test_publishing_twice_changes_nothing_and_another_commit_updates_the_same_pull_request(
    fixed: tuple[Bed, StepResult], bed: Make
) -> None:
    here, done = fixed
    published(here.step(task="publish"), here, done)
    published(here.step(task="publish"), here, done)
    assert len(pulls(here)) == 1
    again = bed({"implement": [edit("a - b", "b + a")]})
    other = work(again.step(generation=5), again.work())
    published(again.step(task="publish", generation=5), again, other)
    assert len(pulls(here)) == 1
    assert plain_git(here.user.path, "rev-parse", "bridle/issue-7").strip() == other.commit


def test_a_branch_that_a_person_pushed_to_is_left_alone(fixed: tuple[Bed, StepResult], bed: Make) -> None:
    here, done = fixed
    published(here.step(task="publish"), here, done)
    plain_git(here.user.path, "checkout", "--quiet", "bridle/issue-7")
    theirs = here.user.commit({"notes.txt": "a person was here"})
    plain_git(here.user.path, "checkout", "--quiet", "main")
    again = bed({"implement": [edit("a - b", "b + a")]})
    other = work(again.step(generation=5), again.work())
    with pytest.raises(PolicyViolation, match="somebody pushed to it"):
        published(again.step(task="publish", generation=5), again, other)
    assert plain_git(here.user.path, "rev-parse", "bridle/issue-7").strip() == theirs


def test_an_approval_is_for_one_commit_only(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    gate = here.step(task="approve")
    ask(gate, subject="Publish?", commit=done.base, inputs={})
    record_answer(gate, commit=done.base, approved=True, by="ada", feedback="")
    with pytest.raises(ReviewMismatch, match="not an approved commit"):
        published(here.step(task="publish"), here, done)
    assert branches(here) == ["main"]


def test_an_answer_to_a_question_about_another_commit_does_not_count(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    gate = here.step(task="approve")
    ask(gate, subject="Publish?", commit=done.base, inputs={})
    with pytest.raises(ReviewMismatch, match="ask again"):
        record_answer(gate, commit=done.commit, approved=True, by="ada", feedback="")


def test_a_protected_path_stops_the_patch_before_anything_is_pushed(bed: Make) -> None:
    write = {"op": "write", "path": ".github/workflows/own.yml", "content": "on: push\n"}
    here = bed({"implement": [[*edit("a - b", "a + b")[:2], {"ops": [write]}, {"text": "Done."}]]})
    done = work(here.step(), here.work())
    with pytest.raises(
        PolicyViolation, match=r"\.github/workflows/own\.yml(.|\n)*protected path(.|\n)*patch\.allow"
    ):
        published(here.step(task="publish"), here, done)
    assert branches(here) == ["main"]
    assert not pulls(here)
