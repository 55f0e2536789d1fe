"""A spec is worked through to its end while a person goes on writing in it: one pull request."""

import time

import pytest
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, answering
from e2e_stage import Stage

SPEC = "specs/001-numbers/tasks.md"
TASKS = """\
# Tasks: numbers

## Phase 1: Setup

- [ ] T001 Create one.txt

## Phase 2: Words

- [ ] T002 [P] Create two.txt
- [ ] T003 [P] Create three.txt
"""
ADDED = "- [ ] T004 Create four.txt (depends on T002, T003)\n"
WORKER = """\
import re, sys

lane, text = int(sys.argv[1]), sys.argv[2]
open_tasks = re.findall(r"- \\[ \\] (T\\d+) .*Create (\\w+\\.txt)", open("specs/001-numbers/tasks.md").read())
open(open_tasks[lane - 1][1], "w").write(text)
"""
"""What the played model does: the task of its lane."""


def session(lane: int, text: str = "right") -> list[dict]:
    return [
        {"ops": [{"op": "shell", "command": f"python3 worker.py {lane} {text}"}]},
        {"text": "Done."},
    ]


def play(stage: Stage) -> None:
    stage.repository.commit({SPEC: TASKS, "worker.py": WORKER})
    first = stage.start("spec_routine", spec=SPEC)
    assert first.ended() == "success", first.failures()
    # a person adds a task and rewords a heading, right beside what has been ticked on the branch
    stage.repository.commit({SPEC: TASKS.replace("Setup", "The setup") + ADDED, "notes.md": "by hand\n"})
    run = stage.start("spec_routine", spec=SPEC, mode="continuous")
    started = run.run_id
    while run.ended() == "success" and run.states()["next_run"] == "success":
        run = follow(stage, f"{started}--{len(stage.runs)}")
        stage.runs.append(run)
    assert run.ended() == "success", run.failures()


def follow(stage: Stage, run_id: str) -> Run:
    """The run that another one has started."""
    deadline = time.monotonic() + SECONDS
    while run_id not in [run.run_id for run in stage.airflow.runs("spec_routine")]:
        assert time.monotonic() < deadline, f"{run_id} does not begin"
        time.sleep(0.5)
    return Run(stage.airflow, stage.ledger, stage.airflow.run("spec_routine", run_id))


APPROVES = answering(verdict="approve", summary="It is there.", findings=[])
SPECIFIED = Scenario(
    "specified",
    play,
    script={
        "work_1.implement_1": [session(1, "wrong"), session(1)],
        "work_2.implement_1": [session(2)],
        "work_1.review_1": [APPROVES],
        "work_2.review_1": [APPROVES],
    },
    settings={"checks": {"tests": "! grep -l wrong *.txt"}},
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("stage", [SPECIFIED], indirect=True)]


def branch(stage: Stage) -> str:
    (name,) = stage.branches()
    return name


def test_every_task_is_one_commit_that_has_its_work_and_its_mark(stage: Stage) -> None:
    log = stage.repository.git("log", "--reverse", "--no-merges", "--format=%H %s", f"main..{branch(stage)}")
    commits = [line.split(" ", 1) for line in log.splitlines()]
    assert [subject for _, subject in commits] == [
        f"{key}: Create {name}.txt" for key, name in (("T001", "one"), ("T002", "two"), ("T003", "three"))
    ] + ["T004: Create four.txt (depends on T002, T003)"]
    for number, (commit, subject) in enumerate(commits, 1):
        assert stage.show(commit, SPEC).count("[X]") == number, subject
        changed = stage.repository.git("diff", "--name-only", f"{commit}~", commit).split()
        assert set(changed) == {SPEC, subject.split()[2]}


def test_what_the_person_wrote_in_between_is_there(stage: Stage) -> None:
    expected = (TASKS.replace("Setup", "The setup") + ADDED).replace("[ ]", "[X]")
    assert stage.show(branch(stage), SPEC) == expected
    assert stage.show(branch(stage), "notes.md") == "by hand\n"


def test_there_is_one_pull_request_for_the_whole_spec(stage: Stage) -> None:
    (pull,) = stage.pulls()
    assert pull.head["draft"] is True
    assert pull.head["head"] == branch(stage)
    assert pull.head["title"] == f"{SPEC}: 4 of 4 tasks"


def test_rounds_go_on_until_the_check_passes(stage: Stage) -> None:
    sessions = stage.runs[0].sessions_by_task()
    assert sessions == {"work_1.implement_1": 2, "work_1.review_1": 1}


def test_parallel_tasks_are_worked_on_in_one_run(stage: Stage) -> None:
    sessions = stage.runs[1].sessions_by_task()
    assert sessions["work_1.implement_1"] == 2
    assert sessions["work_2.implement_1"] == 1
    assert stage.runs[1].states()["task_3"] == "skipped"


def test_runs_follow_each_other_and_the_last_one_costs_nothing(stage: Stage) -> None:
    started, *others = [run.run_id for run in stage.runs[1:]]
    assert others == [f"{started}--2", f"{started}--3"]
    last = stage.runs[-1]
    assert last.sessions() == []
    assert last.xcoms()["pick_tasks"]["summary"] == f"all 4 tasks of specified:{SPEC} are done"
    assert set(last.states().values()) == {"success", "skipped"}
    assert [task for task, state in last.states().items() if state == "success"] == ["pick_tasks"]


def test_no_task_pushes_more_than_two_kilobytes(stage: Stage) -> None:
    for run in stage.runs:
        assert {task: size for task, size in run.xcom_bytes().items() if size > 2048} == {}
