"""Which task of a spec went wrong: its session is named, although what landed is a commit of the harness."""

from pathlib import Path

from bisect_bed import REPO, BisectBed

from bridle.harness.land import land
from bridle.harness.lane import Lane
from bridle.harness.pick import pick_tasks
from bridle.harness.routine import Picked, Routine
from bridle.harness.step import Step
from bridle.ledger.records import SessionRow, StepKey
from bridle.ledger.searched import Searched
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

RUN = Searched("spec_routine", "run-1")
PLAN = """\
# Plan

- [ ] T001 [P] Write one.txt
- [ ] T002 [P] Write bad.txt
- [ ] T003 [P] Write three.txt
"""


def key(task: str) -> StepKey:
    return StepKey(RUN.dag_id, str(RUN.run_id), task)


def landed(bed: BisectBed, *files: str) -> list[SessionRow]:
    """A run of the routine, whose sessions each write one of these files, beside each other."""

    def step(task: str) -> Step:
        return bed.step(task, key=key(task))

    routine = Routine(step("pick_tasks").repository(REPO), "PLAN.md", target="main")
    picked = Picked.of(
        pick_tasks(step("pick_tasks"), routine, at_most=len(files), run_ended=lambda dag, run: False).result
    )
    base = picked.commit
    sessions = [
        bed.session([{name: "x\n"}], base=base, key=key(f"work_{lane}.implement_1"))
        for lane, name in enumerate(files, start=1)
    ]
    lanes = [
        Lane(f"work_{lane}", row.commit, row.base_commit, False) for lane, row in enumerate(sessions, start=1)
    ]
    done = land(step("land"), routine, picked, lanes, check="lint")
    assert done.result["tasks"] == ["T001", "T002", "T003"], done.summary
    return sessions


def test_of_tasks_that_landed_one_after_the_other_the_session_is_named_whose_work_broke_it(
    tmp_path: Path, ledger: Ledger
) -> None:
    user = GitRepository(tmp_path / "user" / "repository", {"README.md": "# board\n", "PLAN.md": PLAN})
    bed = BisectBed(tmp_path, ledger, user)
    sessions = landed(bed, "one.txt", "bad.txt", "three.txt")
    found = bed.search(RUN)
    assert (found.state, found.commits) == ("found", 4), found.why
    assert found.session_id == sessions[1].id
    assert found.commit not in {row.commit for row in sessions}, "what landed is a commit of the harness"
    assert f"is of work_2.implement_1, session {sessions[1].id}" in found.why
    assert "Dispatched by decision 'next task' = 'T001, T002, T003' (rule)" in found.why
