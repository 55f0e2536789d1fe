"""Rounds of a loop that are done again, cannot begin, or must not be followed by one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from loop_bed import LOOP, LoopBed, orders, task, writing

from bridle.errors import SessionFailed, StopRequested, Transient
from bridle.harness.approval import pass_by_policy
from bridle.harness.finish import finish
from bridle.harness.integrate import integrate
from bridle.harness.loop import begin
from bridle.harness.round_end import end_round
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

Script = dict[str, list[list[dict[str, object]]]]
Make = Callable[[Script], LoopBed]


@pytest.fixture
def loop(tmp_path: Path, ledger: Ledger) -> Make:
    """Makes loops whose check never passes."""

    def make(script: Script) -> LoopBed:
        user = GitRepository(tmp_path / "user" / "repository", {"shared.txt": "one\n"})
        (user.path.parent / "issues").mkdir()
        return LoopBed(tmp_path, ledger, user, script, {"tests": "false"})

    return make


def merge(bed: LoopBed) -> None:
    integrate(
        bed.step("integrate", 1),
        bed.wanted,
        workers="work",
        succeeded=bed.succeeded,
        role="implementer",
        prompt="resolve_conflict.md",
    )


def test_what_a_worker_did_before_it_was_cleared_is_not_merged_when_its_new_try_fails(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [orders(task("a", "a.txt"))], "r1.work.0": [writing({"a.txt": "a"})]})
    assert bed.play_round(1) == 2
    assert bed.rounds[0].delivered[0]["status"] == "merged"
    bed.succeeded.clear()
    merge(bed)
    (row,) = bed.rounds
    (delivered,) = row.delivered
    assert (delivered["status"], delivered["why"]) == ("failed", "its newest try failed; its log says why")
    assert row.head_commit == row.base_commit
    assert (row.verdict, row.reason) == ("", ""), "what was decided on the earlier work is no more"


def test_a_round_that_is_done_again_after_the_next_has_begun_does_not_turn_the_loop_back(loop: Make) -> None:
    bed = loop({"r1.orchestrate": [orders(task("a", "a.txt"))], "r1.work.0": [writing({"a.txt": "a"})]})
    assert bed.play_round(1) == 2
    assert bed.given(2, {"b.txt": "b"}) == 3
    head = bed.loop.head_commit
    bed.succeeded.clear()
    merge(bed)
    following = bed.follow(1)
    assert following is not None
    assert following.run_id == bed.rounds[1].run_id, "to trigger it again does nothing"
    assert (bed.loop.head_commit, bed.loop.state) == (head, "running")


def test_orders_of_before_a_clear_are_not_followed_by_a_loop_that_is_paused(loop: Make) -> None:
    bed = loop({})
    turn = begin(bed.step("orchestrate", 1), bed.wanted)
    bed.ledger.note_round(turn.round, decision={"why": "-"}, dispatched=[task("a")], verdict="next")
    bed.ledger.set_loop_state(LOOP, "paused", "ada paused it")
    with pytest.raises(StopRequested):
        begin(bed.step("orchestrate", 1), bed.wanted)
    with pytest.raises(SessionFailed, match="round 1 has no orders"):
        merge(bed)
    with pytest.raises(SessionFailed):
        bed.follow(1)
    assert (bed.loop.state, bed.loop.reason) == ("paused", "ada paused it")


def test_a_round_that_could_not_begin_fails_its_loop_with_a_reason(loop: Make) -> None:
    bed = loop({})
    begin(bed.step("orchestrate", 1), bed.wanted)
    with pytest.raises(SessionFailed, match="round 2 could not begin"):
        bed.follow(2)
    assert (bed.loop.state, bed.loop.reason) == (
        "failed",
        "round 2 could not begin; the log of its first step says why",
    )


def test_a_replayed_round_is_followed_by_none(loop: Make) -> None:
    """Models would be called, and paid: the recording is of one run."""
    bed = loop({})
    turn = begin(bed.step("orchestrate", 1), bed.wanted)
    bed.ledger.note_round(turn.round, verdict="next", reason="not there yet: tests")
    pass_by_policy(bed.step("review_round", 1), turn.head, "nobody was asked")
    step = bed.step("next_round", 1)
    replaying = replace(step, settings=replace(step.settings, gateway_mode="replay"))
    assert end_round(replaying, bed.wanted, review="review_round") is None
    assert bed.loop.state == "paused"
    assert "a recording is of one round" in bed.loop.reason
    bed.ledger.set_loop_state(LOOP, "running")
    following = bed.follow(1)
    assert following is not None
    assert following.run_id == f"{LOOP}-r2"


def test_a_goal_whose_publication_waits_for_the_forge_leaves_its_reason_on_the_loop(loop: Make) -> None:
    """Of a retry, `done` follows; of the last one, this is what people find."""
    bed = loop({})
    turn = begin(bed.step("orchestrate", 1), bed.wanted)
    bed.ledger.note_round(turn.round, verdict="done", reason="done_when holds", head="f" * 40)
    pass_by_policy(bed.step("review_round", 1), "f" * 40, "nobody was asked")
    places = bed.folder / "repositories.yaml"
    places.write_text(places.read_text().replace(bed.user.path.as_uri(), "http://127.0.0.1:1/board"))
    with pytest.raises(Transient):
        finish(bed.step("open_pull_request", 1), bed.wanted, template="goal_pull_request.md")
    assert bed.loop.state == "failed"
    assert bed.loop.reason.startswith("the goal is reached, but not published: ")
