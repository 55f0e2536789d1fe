"""A run is cancelled after its pull request was opened: what it wrote outside is taken back, once."""

from collections.abc import Callable
from dataclasses import asdict

import pytest
from harness_bench import Bed
from publish_bed import approved, branches, published, pulls

from bridle.forge import open_forge
from bridle.forge.base import PullRequest
from bridle.harness.approval import ask, record_answer
from bridle.harness.bench import Bench
from bridle.harness.label import label
from bridle.harness.result import StepResult
from bridle.harness.sweep import sweep
from bridle.ledger.effects import Receipt
from bridle.ledger.queries import Queries

Fixed = tuple[Bed, StepResult]
BRANCH, STOPPED = "bridle/issue-7", "run:dag/run"
FOUND = "bridle:pull-request"


@pytest.fixture
def opened(fixed: Fixed) -> Fixed:
    """The pull request is there, and the issue is labelled."""
    here, done = fixed
    user = here.user
    here.settings["repositories_file"] = here.folder / "repositories.yaml"
    here.settings["repositories_file"].write_text(
        f"repositories:\n  demo/sample:\n    forge: local\n    url: {user.path.as_uri()}\n"
        f"    issues: {user.path.parent}/issues\n    checks: {{t: 'true'}}\n"
    )
    published(here.step(task="publish"), here, done)
    label(here.step(task="label"), user.configured(), 7, add=(FOUND,), remove=())
    return here, done


def swept(here: Bed, state: str = "failed") -> str:
    """What the sweeper says, in a run of its own."""
    return sweep(here.step(task="sweep", run=f"sweep {here.tries}"), lambda dag, run: state).summary


def pull_request(here: Bed) -> PullRequest | None:
    return forge_of(here).find_pull_request(BRANCH)


def forge_of(here: Bed):
    repository = here.user.configured()
    return open_forge(repository, mirror=Bench(here.step(task="look"), repository).mirror)


def test_a_run_that_was_stopped_closes_its_draft_takes_its_label_off_and_deletes_its_branch(
    opened: Fixed,
) -> None:
    here, _ = opened
    here.ledger.request_stop(STOPPED, by="human:ada")
    for state in ("running", "success"):
        assert "took back 0 branches and 0 drafts" in swept(here, state)
    assert "took back 1 branches and 1 drafts" in swept(here)
    assert (pull_request(here), BRANCH in branches(here), forge_of(here).labels(7)) == (None, False, ())
    assert "state: closed" in pulls(here)[0].read_text()
    assert "took back 0 branches and 0 drafts" in swept(here)


def test_a_run_that_was_cleared_afterwards_opens_it_anew_and_can_be_cancelled_again(opened: Fixed) -> None:
    here, done = opened
    here.ledger.request_stop(STOPPED, by="human:ada")
    swept(here)
    here.ledger.clear_stop(STOPPED)
    published(here.step(task="publish", generation=3), here, done)
    assert pull_request(here) is not None
    assert "took back 0 branches and 0 drafts" in swept(here)
    here.ledger.request_stop(STOPPED, by="human:ada")
    assert "took back 1 branches and 1 drafts" in swept(here)
    assert (pull_request(here), BRANCH in branches(here)) == (None, False)


def test_a_run_whose_newest_answer_is_a_rejection_closes_its_draft(opened: Fixed) -> None:
    here, done = opened
    gate = here.step(task="merge_it")
    ask(gate, subject="Mark it ready?", commit=done.commit, inputs={})
    assert "took back 0 branches and 0 drafts" in swept(here, "success")
    record_answer(gate, commit=done.commit, approved=False, by="ada", feedback="not like this")
    assert "took back 1 branches and 1 drafts" in swept(here, "success")
    assert pull_request(here) is None


def test_a_run_that_failed_by_itself_keeps_its_pull_request(opened: Fixed) -> None:
    here, _ = opened
    assert "took back 0 branches and 0 drafts" in swept(here)
    assert pull_request(here) is not None


def ready_for_review(here: Bed) -> None:
    pulls(here)[0].write_text(pulls(here)[0].read_text().replace("draft: true", "draft: false"))


def pushed_to(here: Bed) -> None:
    here.user.git("checkout", BRANCH)
    here.user.commit({"more.txt": "by hand\n"})
    here.user.git("checkout", "main")


@pytest.mark.parametrize("taken_over", [ready_for_review, pushed_to])
def test_a_draft_that_a_person_has_taken_over_is_left_alone(
    opened: Fixed, taken_over: Callable[[Bed], None], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = opened
    taken_over(here)
    here.ledger.request_stop(STOPPED, by="human:ada")
    with caplog.at_level("INFO"):
        assert "took back 0 branches and 0 drafts" in swept(here)
    assert "stays" in caplog.text
    assert pull_request(here) is not None
    assert (BRANCH in branches(here), forge_of(here).labels(7)) == (True, (FOUND,))
    caplog.clear()
    swept(here)
    assert "stays" not in caplog.text, "it is not asked about again"


def test_a_pull_request_that_an_earlier_run_opened_is_not_closed_with_a_later_one(opened: Fixed) -> None:
    here, done = opened
    later = here.step(task="approve", run="later")
    ask(later, subject="Publish?", commit=done.commit, inputs={})
    record_answer(later, commit=done.commit, approved=True, by="ada", feedback="")
    published(here.step(task="publish", run="later"), here, done)
    here.ledger.request_stop("run:dag/later", by="human:ada")
    assert "took back 0 branches and 0 drafts" in swept(here)
    assert pull_request(here) is not None


def killed_at_the_pull_request(here: Bed, done: StepResult) -> None:
    """A later run pushes to the branch, and comes no further than to intend its pull request."""
    later, forge = here.step(task="publish", run="later"), forge_of(here)
    with Queries(here.ledger.url) as queries:
        wrote = {row.kind: row for row in queries.newest_effects(["push", "pull_request"])}
    there, commit = forge.branch(BRANCH), done.commit or ""
    forge.push(commit, BRANCH, expected=there)
    for row in (wrote["push"], wrote["pull_request"]):
        here.ledger.effect_intend(later.attempt, later.fence, row.key, commit, row.kind, row.target)
    told = Receipt(commit, data={"commit": commit, "made": there is None, "shared": False})
    here.ledger.effect_done(wrote["push"].key, asdict(told), later.fence)


def test_a_branch_whose_pull_request_a_later_run_failed_to_bring_up_to_date_stays(opened: Fixed) -> None:
    """An earlier run has opened it, and it would be closed with its branch."""
    killed_at_the_pull_request(*opened)
    assert "took back 0 branches and 0 drafts" in swept(opened[0])
    assert pull_request(opened[0]) is not None


def test_a_branch_that_was_pushed_again_after_its_pull_request_was_taken_back_is_taken_back_too(
    opened: Fixed,
) -> None:
    here, _ = opened
    here.ledger.request_stop(STOPPED, by="human:ada")
    swept(here)
    killed_at_the_pull_request(*opened)
    assert BRANCH in branches(here)
    assert "took back 1 branches and 0 drafts" in swept(here)
    assert BRANCH not in branches(here)


def test_a_branch_that_many_runs_share_is_neither_deleted_nor_its_pull_request_closed(fixed: Fixed) -> None:
    here, done = fixed
    approved(here, done.commit)
    published(here.step(task="publish"), here, done, shared=True)
    here.ledger.request_stop(STOPPED, by="human:ada")
    assert "took back 0 branches and 0 drafts" in swept(here)
    assert pull_request(here) is not None
