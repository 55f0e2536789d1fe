"""Orchestrators that would never end: each ends by a rule, with its reason on the loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop_bed import LoopBed, orders, task, writing

from bridle.errors import SessionFailed
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

Make = Callable[..., LoopBed]


@pytest.fixture
def loop(tmp_path: Path, ledger: Ledger) -> Make:
    """Makes loops whose check never passes, unless told otherwise."""

    def make(script: dict[str, Any], check: str = "cat *.txt; false", **terms: Any) -> LoopBed:
        user = GitRepository(tmp_path / "user" / "repository", {"shared.txt": "one\n"})
        (user.path.parent / "issues").mkdir()
        return LoopBed(tmp_path, ledger, user, script, {"tests": check}, terms)

    return make


def always(*tasks: dict[str, Any], rounds: int, done: bool = False) -> dict[str, Any]:
    """The same orders in every round."""
    return {f"r{number}.orchestrate": [orders(*tasks, done=done)] for number in range(1, rounds + 1)}


def test_one_that_always_has_new_tasks_ends_at_its_rounds(loop: Make) -> None:
    bed = loop({}, max_rounds=3)
    following = [bed.given(number, {f"{number}.txt": f"number {'x' * number}\n"}) for number in (1, 2, 3)]
    assert following == [2, 3, None]
    assert bed.loop.state == "stopped"
    assert bed.loop.reason.startswith("rounds: 3 are used up, and not there yet: tests.")
    assert bed.files(bed.loop.head_commit) == ["1.txt", "2.txt", "3.txt", "shared.txt"]


def test_one_that_gives_no_task_ends_for_want_of_progress(loop: Make) -> None:
    bed = loop(always(rounds=9), patience=2)
    assert bed.play() == "stopped"
    assert (
        "no progress: 2 rounds in a row changed nothing (last: the orchestrator gave no task)"
        in bed.loop.reason
    )
    assert len(bed.rounds) == 2


def test_one_that_says_done_and_is_wrong_ends_for_want_of_progress(loop: Make) -> None:
    bed = loop(always(rounds=9, done=True), patience=2)
    assert bed.play() == "stopped"
    assert "(last: the orchestrator says done)" in bed.loop.reason


def test_one_that_gives_forty_tasks_gets_as_many_workers_as_there_are(loop: Make) -> None:
    many = [task(f"t{number}", f"{number}.txt") for number in range(40)]
    script = {"r1.orchestrate": [orders(*many)]}
    script |= {f"r1.work.{number}": [writing({f"{number}.txt": "x"})] for number in range(2)}
    bed = loop(script, workers=2, max_rounds=1)
    assert bed.play() == "stopped"
    (row,) = bed.rounds
    assert (row.decision["asked"], len(row.dispatched)) == (40, 2)
    assert row.decision["postponed"][0] == ["t2", "over 2 tasks a round"]


def test_tasks_that_contradict_each_other_end_as_rounds_that_leave_the_same_failure(loop: Make) -> None:
    """One after the other they write the same file, to and fro."""
    contradicting = orders(task("left", "shared.txt"), task("right", "shared.txt"))
    script = {"r1.orchestrate": [contradicting], "r1.work.0": [writing({"shared.txt": "left\n"})]}
    bed = loop(script, check="echo 'not ok 1 - both at once'; false", patience=2)
    assert bed.play_round(1) == 2
    assert bed.rounds[0].decision["postponed"] == [["right", "same files as left"]]
    assert bed.given(2, {"shared.txt": "right\n"}) is None
    assert bed.loop.state == "stopped"
    assert "no progress: 2 rounds in a row left the same failures: tests: both at once" in bed.loop.reason


def test_rounds_that_undo_each_other_end_as_flapping(loop: Make) -> None:
    one = "grep -q a shared.txt && echo 'ok 1 - has a' || echo 'not ok 1 - has a'"
    bed = loop({}, check=f"{one}; echo 'not ok 2 - rest'; false")
    written = enumerate(["a\n", "b\n", "a\n"], start=1)
    assert [bed.given(number, {"shared.txt": text}) for number, text in written] == [2, 3, None]
    assert bed.loop.state == "stopped"
    assert "flapping: tests: has a goes pass, fail, pass in rounds 1, 2 and 3" in bed.loop.reason


def test_one_whose_budget_is_spent_ends_with_the_way_to_raise_it(loop: Make) -> None:
    """The gateway refuses the call that would go over; the round that it belonged to is the last."""
    bed = loop(always(task("a", "a.txt"), rounds=1), budget_usd=0.0001)
    with pytest.raises(Exception, match="budget of loop:loop-1 is spent"):
        bed.play()
    with pytest.raises(SessionFailed, match="orchestrate ended with limit"):
        bed.follow(1)
    assert bed.loop.state == "stopped"
    assert "budget of loop:loop-1 is spent" in bed.loop.reason


def test_one_that_is_late_ends_at_its_deadline(loop: Make) -> None:
    bed = loop({}, hours=0.00001)
    assert bed.given(1, {"a.txt": "a"}) is None
    assert bed.loop.state == "stopped"
    assert bed.loop.reason.startswith("deadline: it was ")


def judging(verdict: str, line: int) -> list[dict[str, Any]]:
    point = {"demand": "It greets.", "holds": True, "evidence": [{"path": "a.txt", "line": line}], "why": "-"}
    return [{"output": {"verdict": verdict, "points": [point]}}]


@pytest.mark.parametrize(
    ("judged", "doubt"),
    [
        (judging("holds", 1), None),
        (judging("holds", 99), "no evidence that exists for: It greets."),
        (judging("unsure", 1), "the judge is not sure"),
    ],
    ids=["with evidence", "with a line that is not there", "unsure"],
)
def test_a_rubric_holds_only_with_evidence_that_is_really_there(
    loop: Make, judged: list[dict[str, Any]], doubt: str | None
) -> None:
    bed = loop({"r1.done_when": [judged]}, rubric="It greets.", max_rounds=1, human_review="on doubt")
    assert bed.given(1, {"a.txt": "hello"}) is None
    assert bed.loop.state == ("stopped" if doubt else "done")
    (check,) = bed.rounds[0].checks
    assert (check["name"], check["passed"], check["doubt"]) == ("rubric", doubt is None, doubt or "")
