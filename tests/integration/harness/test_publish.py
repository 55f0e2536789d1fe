"""What stands between a commit and the world, with a real remote and a real ledger."""

from collections.abc import Callable

import pytest
from harness_bench import Bed, edit
from publish_bed import ISSUE, SEEN, approved, branches, published, pulls

from bridle.errors import PolicyViolation, ReviewMismatch
from bridle.harness.approval import answered, ask, pass_by_policy, record_answer
from bridle.harness.bench import Bench
from bridle.harness.result import StepResult
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from bridle.ledger.reviews import DIFF
from bridle.testing.git_repository import plain_git

Make = Callable[..., Bed]


def test_a_commit_becomes_one_pull_request_with_evidence(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    result = published(here.step(task="publish"), here, done)
    assert branches(here) == ["bridle/issue-7", "main"]
    assert plain_git(here.user.path, "rev-parse", "bridle/issue-7").strip() == done.commit
    [pull] = pulls(here)
    text = pull.read_text()
    assert "Fix #7: add subtracts" in text
    assert "`python3 test_calc.py`" in text
    with Queries(here.ledger.url) as ledger:
        (row,) = ledger.cost("dag", run=("dag", "run"))
    usage = row.totals.usage
    numbers = f"| 1 | {usage.input_tokens:,} | {usage.cache_read_tokens:,} | {usage.output_tokens:,} |"
    assert f"| implement | implementer | gpt-5.5 {numbers} {row.totals.cost_usd:.4f} |" in text
    assert f"| **in all** |  |  {numbers}" in text
    assert "alone" not in text, "there is nothing to compare a single model with"
    assert result.result["url"].endswith("pulls/1.md")


def test_a_title_and_a_text_longer_than_github_takes_are_cut(fixed: tuple[Bed, StepResult]) -> None:
    """Else the run would fail at its very end, by a refusal that no retry mends."""
    here, done = fixed
    words = "@a " * 6_500  # each gets a joiner
    brief = {"plan": words, "root_cause": words}
    seen = {
        "issue": ISSUE | {"title": "t" * 250},
        "brief": brief,
        "review": {**SEEN["review"], "summary": words},
    }
    result = published(here.step(task="publish"), here, done, **seen)
    assert result.summary == "Fix #7: " + "t" * 241 + "…"
    [pull] = pulls(here)
    text = pull.read_text()
    assert 60_000 < len(text) < 66_000
    assert "[cut: the text is longer]" in text
    assert text.rstrip().endswith("Closes #7")


def test_publishing_twice_changes_nothing_and_another_commit_updates_the_same_pull_request(
    fixed: tuple[Bed, StepResult], bed: Make
) -> None:
    here, done = fixed
    published(here.step(task="publish"), here, done)
    published(here.step(task="publish"), here, done)
    assert len(pulls(here)) == 1
    again = bed({"implement": [edit("a - b", "b + a")]})
    other = work(again.step(generation=5), again.work(agent="codex"))
    approved(again, other.commit, generation=5)
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
    other = work(again.step(generation=5), again.work(agent="codex"))
    approved(again, other.commit, generation=5)
    with pytest.raises(PolicyViolation, match="somebody pushed to it"):
        published(again.step(task="publish", generation=5), again, other)
    assert plain_git(here.user.path, "rev-parse", "bridle/issue-7").strip() == theirs


def test_an_approval_is_for_one_commit_only(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    done = work(here.step(), here.work(agent="codex"))
    approved(here, done.base)
    with pytest.raises(ReviewMismatch, match="not an approved commit"):
        published(here.step(task="publish"), here, done)
    assert branches(here) == ["main"]


def test_without_any_approval_nothing_is_published(bed: Make) -> None:
    """Marking the approval task as success in the UI is no approval."""
    here = bed({"implement": [edit("a - b", "a + b")]})
    done = work(here.step(), here.work(agent="codex"))
    with pytest.raises(ReviewMismatch, match="nobody has answered"):
        published(here.step(task="publish"), here, done)
    assert branches(here) == ["main"]


def test_a_run_that_asks_nobody_is_approved_by_policy_and_says_so_and_what_it_changed(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    done = work(here.step(), here.work(agent="codex"))
    gate = here.step(task="approve")
    patch = Bench(gate, here.user.configured()).patch(done.base or "", done.commit or "")
    pass_by_policy(gate, done.commit, "not asked for", patch=patch)
    with Queries(here.ledger.url) as ledger:
        (review,) = ledger.reviews()
    assert b"+    return a + b" in gate.ledger.get_artifact(review.snapshot[DIFF])
    published(here.step(task="publish"), here, done)
    assert "Approved by" not in pulls(here)[0].read_text()


def test_what_an_agent_wrote_calls_nobody_and_closes_nothing(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    review = {"verdict": "approve", "summary": "Fixes #12, ask @acme/admins. <!-- hidden -->", "findings": []}
    published(here.step(task="publish"), here, done, review=review)
    text = pulls(here)[0].read_text()
    assert "#12" not in text
    assert "@acme" not in text
    assert "hidden" not in text
    assert "Closes #7" in text


def test_an_answer_to_a_question_about_another_commit_does_not_count(fixed: tuple[Bed, StepResult]) -> None:
    here, done = fixed
    gate = here.step(task="approve")
    ask(gate, subject="Publish?", commit=done.base, inputs={})
    with pytest.raises(ReviewMismatch, match="ask again"):
        record_answer(gate, commit=done.commit, approved=True, by="ada", feedback="")


def test_an_answer_to_what_was_shown_before_does_not_count(fixed: tuple[Bed, StepResult]) -> None:
    """Airflow's form shows the first question of a task, also when another commit is asked about."""
    here, done = fixed
    first = ask(here.step(task="gate"), subject="Publish?", commit=done.base, inputs={})
    again = here.step(task="gate", generation=5)
    asked = ask(again, subject="Publish?", commit=done.commit, inputs={})
    answer = {"commit": done.commit, "approved": True, "by": "ada", "feedback": ""}
    with pytest.raises(ReviewMismatch, match="`bridle approve`"):
        record_answer(again, **answer, answers=first.about)
    assert answered(again) is None
    record_answer(again, **answer, answers=asked.about)
    assert answered(again) is not None


def test_an_answer_about_facts_is_for_those_that_were_shown(fixed: tuple[Bed, StepResult]) -> None:
    here, _ = fixed
    first = ask(here.step(task="gate"), subject="Go on?", commit=None, inputs={"plan": "Add."})
    again = here.step(task="gate", generation=5)
    same = ask(again, subject="Go on?", commit=None, inputs={"plan": "Add."})
    assert same.about == first.about, "what it cost so far is another text, and no other question"
    ask(here.step(task="gate", generation=6), subject="Go on?", commit=None, inputs={"plan": "Remove."})
    with pytest.raises(ReviewMismatch, match="what is asked now"):
        record_answer(
            here.step(task="gate", generation=6),
            commit=None,
            approved=True,
            by="ada",
            feedback="",
            answers=first.about,
        )


def test_a_protected_path_stops_the_patch_before_anything_is_pushed(bed: Make) -> None:
    write = {"op": "write", "path": ".github/workflows/own.yml", "content": "on: push\n"}
    here = bed({"implement": [[*edit("a - b", "a + b")[:2], {"ops": [write]}, {"text": "Done."}]]})
    done = work(here.step(), here.work(agent="codex"))
    approved(here, done.commit)
    with pytest.raises(
        PolicyViolation, match=r"\.github/workflows/own\.yml(.|\n)*protected path(.|\n)*patch\.allow"
    ):
        published(here.step(task="publish"), here, done)
    assert branches(here) == ["main"]
    assert not pulls(here)
