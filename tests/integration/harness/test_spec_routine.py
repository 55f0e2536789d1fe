"""A spec file is worked on while people go on writing in it: real git, real ledger, real checks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness_bench import Bed
from spec_table import PLAN, Table

from bridle.errors import FenceLost, RepositoryError, SpecChanged, SpecError
from bridle.harness.bench import Bench
from bridle.harness.lane import Lane
from bridle.harness.pick import give_task
from bridle.harness.routine import newest
from bridle.workspace.files import read_file

Make = Callable[[dict[str, Any]], Bed]


@pytest.fixture
def table(bed: Make) -> Table:
    return Table(bed({}))


def test_a_task_becomes_one_commit_with_its_work_and_its_mark(table: Table) -> None:
    assert table.do({"one.txt": "right\n"}).summary == "done: T001"
    assert table.branch.startswith("bridle/spec-plan-")
    changed = table.user.git("diff", "--numstat", "main", table.branch)
    assert changed.split() == ["1", "1", "PLAN.md", "1", "0", "one.txt"]
    assert table.show(table.branch) == PLAN.replace("[ ] T001", "[X] T001")
    assert table.user.git("rev-list", "--count", f"main..{table.branch}").strip() == "1"
    assert table.states() == {"T001": "done", "T002": "open", "T003": "open", "T004": "open"}


def test_parallel_tasks_land_in_order_and_the_next_run_goes_on_from_there(table: Table) -> None:
    table.do({"one.txt": "right\n"})
    table.do({"two.txt": "right\n"}, {"three.txt": "right\n"})
    subjects = table.user.git("log", "--reverse", "--format=%s", f"main..{table.branch}").splitlines()
    assert subjects == ["T001: Write one.txt", "T002: Write two.txt", "T003: Write three.txt"]
    for number, subject in enumerate(subjects):
        text = table.show(f"{table.branch}~{2 - number}")
        assert text.count("[X]") == number + 1, subject
    assert table.pick() == "working on T004"


def test_when_all_is_done_it_says_so_and_holds_nothing(table: Table) -> None:
    for files in ("one", "two", "three", "four"):
        table.do({f"{files}.txt": "right\n"})
    assert table.pick() == "all 4 tasks of demo/sample:PLAN.md are done"
    assert table.picked.tasks == ()
    assert table.bed.ledger.holder(table.routine.lease) is None
    assert len(list((table.user.path.parent / "pulls").glob("*.md"))) == 1
    text = (table.user.path.parent / "pulls" / "1.md").read_text()
    assert "PLAN.md: 4 of 4 tasks" in text


def test_what_a_session_writes_into_the_spec_is_thrown_away(table: Table) -> None:
    """Neither a mark of its own nor an easier acceptance for the next task."""
    table.do({"one.txt": "right\n", "PLAN.md": PLAN.replace("[ ]", "[X]") + "- [ ] T009 Retire\n"})
    assert table.show(table.branch) == PLAN.replace("[ ] T001", "[X] T001")


def test_what_people_write_meanwhile_stays(table: Table) -> None:
    """They reword, reorder, add and tick while a session works; only the one mark is set in their version."""
    table.pick()
    lane = table.work({"one.txt": "right\n"})
    theirs = "# The plan, reordered\n\n- [x] T002 [P] Write two.txt\n- [ ] T005 New\n- [ ] T001 Write one.txt"
    table.user.commit({"PLAN.md": theirs, "notes.md": "by hand\n"})
    table.land(lane)
    table.finish(table.publish())
    assert table.show(table.branch) == theirs.replace("[ ] T001", "[X] T001")
    assert table.show(table.branch, "notes.md") == "by hand\n"
    assert table.states() == {"T001": "done", "T002": "done", "T005": "open"}


def test_edits_on_the_main_branch_and_marks_on_ours_come_together(table: Table) -> None:
    """People edit the very lines that were ticked: their text stays, and the mark on what is the same."""
    table.do({"one.txt": "right\n"})
    theirs = PLAN.replace("# Plan\n\n- [ ] T001", "# Our plan\n\n* [ ]   T001").replace(
        "[P] Write two", "Draw two"
    )
    table.user.commit({"PLAN.md": theirs})
    table.do({"two.txt": "right\n"})
    expected = theirs.replace("[ ]   T001", "[X]   T001").replace("[ ] T002", "[X] T002")
    assert table.show(table.branch) == expected


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (PLAN.replace("Write one.txt", "Write one.md"), "changed while it was worked on"),
        (PLAN.replace("- [ ] T001 Write one.txt\n", ""), "not there any more"),
        (PLAN.replace("[ ] T001", "[x] T001"), "somebody ticked T001 meanwhile"),
    ],
)
def test_work_on_a_task_that_a_person_changed_is_not_landed(table: Table, theirs: str, reason: str) -> None:
    table.pick()
    lane = table.work({"one.txt": "right\n"})
    table.user.commit({"PLAN.md": theirs})
    landed = table.land(lane)
    assert landed.commit is None
    assert reason in landed.summary
    assert table.finish(None).result == {"tasks": [], "not_tried": [], "again": True}
    assert table.user.git("branch", "--list", "bridle/*") == ""


def test_a_branch_that_somebody_pushed_to_in_between_is_not_overwritten(table: Table) -> None:
    table.do({"one.txt": "right\n"})
    table.pick()
    table.land(table.work({"two.txt": "right\n"}))
    table.user.git("checkout", "--quiet", table.branch)
    theirs = table.user.commit({"mine.txt": "by hand\n"})
    table.user.git("checkout", "--quiet", "main")
    with pytest.raises(Exception, match="somebody pushed to it"):
        table.publish()
    assert table.user.git("rev-parse", table.branch).strip() == theirs
    assert table.finish(None).result["again"] is False
    assert table.bed.ledger.spec_tasks(table.routine.name)[1].attempts == 0, "the task is not to blame"
    table.do({"two.txt": "right\n"})
    assert table.show(table.branch, "mine.txt") == "by hand\n"


def test_a_run_whose_spec_another_one_has_neither_lands_nor_publishes(table: Table) -> None:
    table.pick()
    lane = table.work({"one.txt": "right\n"})
    table.land(lane)
    table.finish(None)
    first = (table.run, table.picked, table.landed)
    table.pick()
    second = table.run
    table.run, table.picked, table.landed = first
    with pytest.raises(FenceLost, match=f"run dag/run-{second} works on"):
        table.publish()
    with pytest.raises(FenceLost, match=f"run dag/run-{second} works on"):
        table.land(lane)
    assert table.finish(None).result["tasks"] == []
    assert table.states()["T001"] == "working", "it is the other run's"


def test_a_cleared_publication_does_not_replace_what_another_run_has_published(table: Table) -> None:
    """Though that commit is ours, too."""
    table.pick()
    table.land(table.work({"one.txt": "first\n"}))
    table.finish(None)
    first = (table.run, table.picked, table.landed)
    table.do({"one.txt": "second\n"})
    there = table.user.git("rev-parse", table.branch)
    table.run, table.picked, table.landed = first
    with pytest.raises(SpecChanged, match="Clear the task that landed the work"):
        table.publish()
    assert table.user.git("rev-parse", table.branch) == there


def test_a_session_that_only_ticks_its_box_has_failed(table: Table) -> None:
    table.pick()
    landed = table.land(table.work({"PLAN.md": PLAN.replace("[ ] T001", "[X] T001")}))
    assert landed.commit is None
    assert "attempt 1 failed: it changed nothing but the spec file" in landed.summary


def test_a_task_that_could_not_be_tried_stays_open_without_a_count(table: Table) -> None:
    """A lane without a session: there was no key, or somebody said stop."""
    table.pick()
    landed = table.land(Lane("work_1", None, None, False))
    assert "T001 was not tried" in landed.summary
    ended = table.finish(None).result
    assert (ended["again"], ended["not_tried"]) == (False, ["T001"])
    row = table.bed.ledger.spec_tasks(table.routine.name)[0]
    assert (row.state, row.attempts) == ("open", 0)


def test_only_a_persons_no_counts_against_a_commit_that_was_not_published(table: Table) -> None:
    for rejected in (False, True):
        table.pick()
        table.land(table.work({"one.txt": "right\n"}))
        assert table.finish(None, rejected=rejected).result["again"] is False
        assert table.bed.ledger.spec_tasks(table.routine.name)[0].attempts == int(rejected)


def test_two_parallel_tasks_that_change_the_same_go_one_after_the_other(table: Table) -> None:
    table.do({"one.txt": "right\n"})
    table.pick(at_most=2)
    landed = table.land(table.work({"same.txt": "two\n"}), table.work({"same.txt": "three\n"}))
    assert landed.result["tasks"] == ["T002"]
    assert "T003 goes next: another task changed same.txt as well" in landed.summary
    table.finish(table.publish())
    assert table.bed.ledger.spec_tasks(table.routine.name)[2].attempts == 0
    assert table.pick(at_most=2) == "working on T003"


def test_a_task_that_keeps_failing_is_blocked_with_its_reason_and_passed_over(table: Table) -> None:
    for _ in range(2):
        landed = table.do({"one.txt": "wrong\n"})
        assert landed.summary == "no task was done in this run"
    row = table.bed.ledger.spec_tasks(table.routine.name)[0]
    assert (row.state, row.attempts) == ("blocked", 2)
    assert "check 'tests' fails" in row.reason
    assert table.pick() == "working on T002"


def test_a_blocked_task_holds_the_rest_when_that_is_wanted_until_a_person_lets_it_go(table: Table) -> None:
    table.routine = replace(table.routine, attempts=1, hold=True)
    table.do({"one.txt": "wrong\n"})
    assert "a blocked task holds the rest. T001 is blocked: check 'tests'" in table.pick()
    assert table.bed.ledger.retry_task(table.routine.name, "T001")
    assert table.pick() == "working on T001"


def test_a_reworded_task_starts_with_a_clean_record(table: Table) -> None:
    table.routine = replace(table.routine, attempts=1)
    table.do({"one.txt": "wrong\n"})
    table.user.commit({"PLAN.md": PLAN.replace("Write one.txt", "Write one.txt, properly")})
    assert table.pick() == "working on T001"


def test_the_next_attempt_is_told_why_the_last_one_failed(table: Table) -> None:
    table.do({"one.txt": "wrong\n"})
    table.pick()
    step = table.step("task_1")
    given = give_task(step, table.routine, table.picked, 1)
    assert given is not None
    assert "check 'tests' fails" in given.result["failed_before"]
    assert give_task(step, table.routine, table.picked, 2) is None


def test_one_run_at_a_time_has_a_spec_and_a_dead_run_loses_it(table: Table) -> None:
    assert table.pick() == "working on T001"
    assert "is being worked on by dag/run-1" in table.pick(ended=False)
    assert table.picked.tasks == ()
    assert table.pick(ended=True) == "working on T001"


def test_acceptance_commands_run_only_where_the_allow_list_has_them(bed: Make) -> None:
    table = Table(bed({}), acceptance=["test -s *"])
    plan = (
        "- [ ] Sing\n  - Acceptance: `test -s song.txt`\n- [ ] Dance\n  - Check: `test -s a; touch /tmp/x`\n"
    )
    table.user.commit({"PLAN.md": plan})
    table.pick()
    given = give_task(table.step("task_1"), table.routine, table.picked, 1)
    assert given is not None
    assert given.acceptance == ["test -s song.txt"]
    landed = table.land(table.work({"other.txt": "right\n"}))
    assert "check 'acceptance' fails" in landed.summary
    table.finish(None)
    table.do({"song.txt": "la\n"})
    table.pick()
    given = give_task(table.step("task_1"), table.routine, table.picked, 1)
    assert given is not None
    assert given.acceptance == []


def test_a_spec_that_is_not_there_is_said(table: Table) -> None:
    for path, error in (
        ("MISSING.md", SpecError),
        ("../x.md", RepositoryError),
        ("/etc/passwd", RepositoryError),
    ):
        table.routine = replace(table.routine, path=path)
        with pytest.raises(error, match=r"MISSING\.md|no path inside"):
            table.pick()


def test_a_merged_and_deleted_branch_is_begun_anew(table: Table) -> None:
    table.do({"one.txt": "right\n"})
    table.user.git("merge", "--quiet", "--squash", table.branch)
    table.user.git("commit", "--quiet", "--message", "Squashed")
    table.user.git("branch", "-D", table.branch)
    table.do({"two.txt": "right\n"})
    assert table.user.git("rev-list", "--count", f"main..{table.branch}").strip() == "1"


def test_a_spec_below_a_protected_folder_can_be_ticked(bed: Make) -> None:
    table = Table(bed({}))
    path = ".kiro/specs/sample/tasks.md"
    table.user.commit({path: "- [ ] 1. Write one.txt\n- [ ] 2. Write two.txt\n"})
    table.routine = replace(table.routine, path=path)
    assert table.do({"one.txt": "right\n"}).summary == "done: 1"
    assert table.show(table.branch, path).startswith("- [x] 1.")


def test_the_newest_version_is_the_same_commit_for_whoever_asks(table: Table, tmp_path: Path) -> None:
    """A retry of the landing step finds the merge that the first try made."""
    table.do({"one.txt": "right\n"})
    table.user.commit({"notes.md": "by hand\n"})
    heads = {
        newest(Bench(table.step(f"look-{n}"), table.routine.repository), table.routine).head for n in (1, 2)
    }
    assert len(heads) == 1
    (head,) = heads
    bench = Bench(table.step("look"), table.routine.repository)
    assert read_file(bench.mirror, head, "one.txt") == b"right\n"
