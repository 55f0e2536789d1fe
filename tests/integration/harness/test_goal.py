"""A goal loop from the ledger's and the repository's point of view: real git, real sessions, real checks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop_bed import LOOP, LoopBed, orders, task, writing

from bridle.errors import SessionFailed, StopRequested
from bridle.harness.loop import begin
from bridle.harness.orchestrate import orchestrate
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

HAS_ALL = "test -f a.txt -a -f b.txt -a -f c.txt"
Make = Callable[..., LoopBed]


@pytest.fixture
def loop(tmp_path: Path, ledger: Ledger) -> Make:
    """Makes loops over a small repository."""

    def make(script: dict[str, Any], check: str = HAS_ALL, **terms: Any) -> LoopBed:
        user = GitRepository(
            tmp_path / "user" / "repository", {"README.md": "# board\n", "shared.txt": "one\n"}
        )
        (user.path.parent / "issues").mkdir()
        return LoopBed(tmp_path, ledger, user, script, {"tests": check}, terms)

    return make


def show(bed: LoopBed, commit: str, path: str) -> str:
    return bed.user.git("show", f"{commit}:{path}")


def asked(bed: LoopBed, number: int) -> str:
    """What the orchestrator of a round is sent."""
    step = bed.step("orchestrate", number)
    orchestrate(step, bed.wanted, role="orchestrator", prompt="orchestrate.md")
    (session,) = step.ledger.step_state(step.attempt.step, 2).sessions
    return bed.ledger.get_artifact(session.prompt_ref).decode()


TWO_ROUNDS = {
    "r1.orchestrate": [orders(task("a", "a.txt"), task("b", "b.txt"))],
    "r1.work.0": [writing({"a.txt": "a"})],
    "r1.work.1": [writing({"b.txt": "b"})],
    "r2.orchestrate": [orders(task("c", "c.txt"))],
    "r2.work.0": [writing({"c.txt": "c"})],
}


def test_rounds_go_on_until_the_criteria_hold_and_end_in_one_draft_pull_request(loop: Make) -> None:
    bed = loop(TWO_ROUNDS)
    assert bed.play() == "done"
    first, second = bed.rounds
    assert [item["status"] for item in first.delivered] == ["merged", "merged"]
    assert (first.verdict, second.verdict) == ("next", "done")
    assert second.base_commit == first.head_commit
    assert bed.user.git("branch", "--format=%(refname:short)").split() == [bed.loop.branch, "main"]
    assert [show(bed, bed.loop.branch, f"{name}.txt").strip() for name in "abc"] == ["a", "b", "c"]
    (pull,) = (bed.user.path.parent / "pulls").glob("*.md")
    said = pull.read_text()
    assert "title: Build it." in said
    assert "draft: true" in said
    assert "- a: merged" in said
    assert first.tokens > 0
    spent = bed.ledger.session_totals(bed.loop.scope)
    (total,) = (line for line in said.splitlines() if line.startswith("| **in all**"))
    told = [cell.strip() for cell in total.split("|")][4:-1]
    usage = spent.usage
    assert told == [
        *("5", f"{usage.input_tokens:,}", f"{usage.cache_read_tokens:,}", f"{usage.output_tokens:,}"),
        f"{spent.cost_usd:.4f}",
    ], "all rounds are told, not only the last"


def test_the_orchestrators_word_that_it_is_done_counts_for_nothing(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [orders(done=True)]})
    assert bed.play_round(1) == 2
    assert bed.rounds[0].decision["done"]
    assert bed.rounds[0].reason == "not there yet: tests"


def test_criteria_that_held_before_anything_was_done_need_the_orchestrators_word_too(loop: Make) -> None:
    """They cannot tell when the goal is reached, nor that rounds stand still."""
    bed = loop({"r3.orchestrate": [orders(done=True)]}, check="true", patience=1)
    assert [bed.given(number, {f"{number}.txt": "x"}) for number in (1, 2)] == [2, 3]
    assert bed.play() == "done"
    assert [row.verdict for row in bed.rounds] == ["next", "next", "done"]


def test_a_conflict_is_settled_in_a_session_and_both_commits_are_kept(loop: Make) -> None:
    script = {
        "r1.orchestrate": [orders(task("a", "a.txt"), task("b", "b.txt"))],
        "r1.work.0": [writing({"a.txt": "a", "shared.txt": "from a\n"})],
        "r1.work.1": [writing({"b.txt": "b", "shared.txt": "from b\n"})],
        "r1.integrate": [writing({"shared.txt": "from a\nfrom b\n"})],
    }
    bed = loop(script, check="test -f a.txt -a -f b.txt")
    assert bed.play() == "done"
    (row,) = bed.rounds
    assert [item["status"] for item in row.delivered] == ["merged", "merged"]
    assert show(bed, row.head_commit, "shared.txt") == "from a\nfrom b\n"
    history = bed.user.git("rev-list", row.head_commit).split()
    assert all(item["commit"] in history for item in row.delivered)


@pytest.mark.parametrize(
    ("settling", "why"),
    [
        ([{"text": "I would not know."}], "changed nothing"),
        (writing({"other.txt": "x"}), "conflict markers are left in shared.txt"),
    ],
    ids=["changes nothing", "leaves the markers"],
)
def test_a_conflict_that_is_not_settled_is_reported_and_the_commit_is_kept(
    loop: Make, settling: list[dict[str, Any]], why: str
) -> None:
    script = {
        "r1.orchestrate": [orders(task("a", "a.txt"), task("b", "b.txt"))],
        "r1.work.0": [writing({"a.txt": "a", "shared.txt": "from a\n"})],
        "r1.work.1": [writing({"b.txt": "b", "shared.txt": "from b\n"})],
        "r1.integrate": [settling],
    }
    bed = loop(script, human_review="on doubt")
    assert bed.play_round(1) == 2
    (row,) = bed.rounds
    first, second = row.delivered
    assert (first["status"], second["status"]) == ("merged", "conflict")
    assert why in second["why"]
    assert bed.asked == [True]
    mirror = bed.step("look", 1)
    assert mirror.ledger.bundles_for("acme/board", second["commit"])


def test_a_worker_whose_check_fails_is_left_out_and_the_next_orchestrator_is_told(loop: Make) -> None:
    script = {
        "r1.orchestrate": [orders(task("a", "a.txt"), task("b", "b.txt"))],
        "r1.work.0": [writing({"a.txt": "a"})],
        "r1.work.1": [writing({"b.txt": "b", "broken": "x"})],
        "r2.orchestrate": [orders()],
    }
    bed = loop(script, worker_check="unit")
    bed.checks = {"tests": HAS_ALL, "unit": "! test -f broken || { echo 'not ok 1 - it is broken'; false; }"}
    bed.__post_init__()
    assert bed.play_round(1) == 2
    merged, failed = bed.rounds[0].delivered
    assert (merged["status"], failed["status"]) == ("merged", "failed")
    assert "check unit: not ok 1 - it is broken" in failed["why"]
    assert bed.files(bed.rounds[0].head_commit) == ["README.md", "a.txt", "shared.txt"]
    assert "b: failed, check unit: not ok 1 - it is broken" in asked(bed, 2)


def test_feedback_of_a_human_reaches_the_next_orchestrator(loop: Make) -> None:
    bed = loop({"r2.orchestrate": [orders()]})
    assert bed.given(1, {"a.txt": "a"}, (True, "Make the c quite green.")) == 2
    assert bed.rounds[0].answer["feedback"] == "Make the c quite green."
    assert "A person says: Make the c quite green." in asked(bed, 2)


def test_a_human_who_rejects_without_a_word_stops_the_loop(loop: Make) -> None:
    bed = loop({})
    assert bed.given(1, {"a.txt": "a"}, (False, "")) is None
    assert (bed.loop.state, bed.loop.reason) == ("stopped", "human:ada stopped it")
    assert bed.loop.head_commit == bed.rounds[0].head_commit


def test_a_human_who_rejects_with_feedback_gets_another_round_although_the_criteria_hold(loop: Make) -> None:
    bed = loop({}, check="test -f a.txt")
    assert bed.given(1, {"a.txt": "a"}, (False, "It is ugly.")) == 2
    assert bed.loop.state == "running"
    assert not (bed.user.path.parent / "pulls").exists()


def test_a_paused_loop_begins_no_round_and_goes_on_from_where_it_was(loop: Make) -> None:
    bed = loop({}, check="test -f a.txt -a -f b.txt")
    begin(bed.step("orchestrate", 1), bed.wanted)
    bed.ledger.set_loop_state(LOOP, "paused", "ada paused it")
    with pytest.raises(StopRequested, match=r"paused: ada paused it. To go on: `bridle loop resume loop-1`"):
        begin(bed.step("orchestrate", 1), bed.wanted)
    bed.ledger.set_loop_state(LOOP, "running")
    assert bed.given(1, {"a.txt": "a"}) == 2
    assert bed.given(2, {"b.txt": "b"}) is None
    assert bed.loop.state == "done"
    assert bed.rounds[1].base_commit == bed.rounds[0].head_commit


def test_the_round_under_way_ends_when_its_loop_is_paused_and_none_follows(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [orders()]})
    _, workers = orchestrate(
        bed.step("orchestrate", 1), bed.wanted, role="orchestrator", prompt="orchestrate.md"
    )
    bed.ledger.set_loop_state(LOOP, "paused", "ada paused it")
    assert bed.play_round_after_orders(1, workers) is None
    assert bed.rounds[0].verdict == "next"
    assert bed.loop.state == "paused"


def test_a_round_whose_step_failed_fails_the_loop_with_its_reason(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [[{"text": "No."}]]})
    with pytest.raises(SessionFailed):
        orchestrate(bed.step("orchestrate", 1), bed.wanted, role="orchestrator", prompt="orchestrate.md")
    with pytest.raises(SessionFailed, match="orchestrate ended with failed"):
        bed.follow(1)
    assert bed.loop.state == "failed"
    assert "orchestrate ended with failed: " in bed.loop.reason


def test_a_retry_of_any_step_changes_nothing_and_pays_for_nothing_again(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [orders(task("a", "a.txt"))], "r1.work.0": [writing({"a.txt": "a"})]})
    assert bed.play_round(1) == 2
    before, calls = bed.rounds[0], bed.ledger.session_totals("loop:loop-1").calls
    assert bed.play_round(1) == 2
    again = bed.rounds[0]
    assert (again.head_commit, again.delivered, again.verdict) == (
        before.head_commit,
        before.delivered,
        before.verdict,
    )
    assert bed.ledger.session_totals("loop:loop-1").calls == calls
