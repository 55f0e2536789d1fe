"""A goal pursued in a real Airflow: rounds of parallel workers, one pull request; stopped and resumed."""

import subprocess

import pytest
import yaml
from e2e_processes import eventually
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, answering, edit
from e2e_stage import Stage

from bridle.config.starter import starter_dir
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import plain_git

pytestmark = pytest.mark.timeout(900)

KANBAN = starter_dir() / "include" / "demo" / "kanban"
GOAL = yaml.safe_load((KANBAN / "goal.yaml").read_text())
BOARD = {
    str(path.relative_to(KANBAN / "repository")): path.read_text()
    for path in (KANBAN / "repository").rglob("*")
    if path.is_file()
}


def round_of(stage: Stage, number: int) -> Run:
    """A later round of the scenario's loop, as soon as its run is there."""
    wanted = f"{stage.runs[0].run_id}-r{number}"

    def there() -> Run | None:
        found = [run for run in stage.airflow.runs("goal_loop", like=wanted) if run.run_id == wanted]
        return Run(stage.airflow, stage.ledger, found[0]) if found else None

    run = eventually(f"round {number} begins", there, SECONDS)
    stage.runs.append(run)
    return run


def build_the_board(stage: Stage) -> None:
    first = stage.start("goal_loop", goal=GOAL["goal"], done_when=["tests"], human_review="each round")
    first.answer("Approve", "Keep it plain.")
    assert first.ended() == "success", first.failures()
    second = round_of(stage, 2)
    second.answer("Approve")
    assert second.ended() == "success", second.failures()


def stop_and_resume(stage: Stage) -> None:
    first = stage.start("goal_loop", goal="Let it add.", max_rounds=1, human_review="never")
    assert first.ended() == "failed"
    stage.notes["why"] = first.error("next_round")
    stage.notes["refused"] = stage.bridle("loop", "resume", first.run_id).stderr
    stage.bridle("loop", "extend", first.run_id, "--rounds", "2")
    stage.notes["resumed"] = stage.bridle("loop", "resume", first.run_id)
    round_of(stage, 2)
    stage.notes["shown"] = stage.bridle("loop", "show", first.run_id)


def one_task(title: str) -> list[dict[str, object]]:
    given = {
        "title": title,
        "prompt": f"{title}.",
        "files": ["calc.py"],
        "acceptance": "It adds.",
        "why": "-",
    }
    return answering(done=False, why=f"{title}.", tasks=[given])


def without_haste(script: dict[str, list[list[dict[str, object]]]]) -> dict[str, object]:
    """Workers that take ten seconds longer: on a busy machine one would end before the next is started."""
    return {
        task: [[{**first, "delay": 10}, *rest] for first, *rest in sessions] if ".work." in task else sessions
        for task, sessions in script.items()
    }


BOARD_BUILT = Scenario(
    "kanban",
    build_the_board,
    script=without_haste(yaml.safe_load((KANBAN / "script.yaml").read_text())),
    settings={"checks": {"tests": GOAL["check"]}},
    files=BOARD,
)
RESUMED = Scenario(
    "resumed",
    stop_and_resume,
    script={
        "r1.orchestrate": [one_task("Try something")],
        "r1.work.0": [edit("a - b", "a * b + 1")],
        "r2.orchestrate": [one_task("Add")],
        "r2.work.0": [edit("a * b + 1", "a + b")],
    },
)


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_a_board_is_built_in_two_rounds_of_three_workers_and_ends_in_one_draft_pull_request(
    stage: Stage,
) -> None:
    (pull,) = stage.pulls()
    (branch,) = stage.branches()
    assert (pull.head["draft"], pull.head["head"]) == (True, branch)
    assert [run.sessions_by_task()["work"] for run in stage.runs] == [3, 3]
    place = stage.folder / "published"
    plain_git(stage.folder, "clone", "--quiet", "--branch", branch, str(stage.repository.path), str(place))
    done = subprocess.run(GOAL["check"].split(), cwd=place, capture_output=True, check=False)
    assert done.returncode == 0
    assert stage.changes() == []


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_workers_of_a_round_start_from_the_same_commit_side_by_side(stage: Stage) -> None:
    for run in stage.runs:
        workers = run.sessions("work")
        assert len({session.base_commit for session in workers}) == 1
        assert len({session.attempt.step.map_index for session in workers}) == 3
        began, ended = sorted(row.opened_at for row in workers), sorted(row.closed_at for row in workers)
        assert began[1] < ended[0], "no two worked at the same time"


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_planning_and_prompting_three_workers_takes_less_than_3000_tokens_a_round(stage: Stage) -> None:
    """Everything that the orchestrator sends and receives, as the gateway counted it."""
    tokens = [run.steps()["orchestrate"].totals.usage.total for run in stage.runs]
    print(f"tokens of orchestration: {tokens}")
    assert all(0 < count < 3000 for count in tokens)
    assert [run.steps()["orchestrate"].totals.calls for run in stage.runs] == [1, 1]


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_what_a_human_says_reaches_the_next_orchestrator(stage: Stage) -> None:
    (session,) = stage.runs[1].sessions("orchestrate")
    with Ledger(stage.ledger_url) as ledger:
        assert "A person says: Keep it plain." in ledger.get_artifact(session.prompt_ref).decode()


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_a_step_of_a_loop_hands_on_at_most_2_kb(stage: Stage) -> None:
    assert all(size <= 2048 for run in stage.runs for size in run.xcom_bytes().values())


@pytest.mark.parametrize("stage", [RESUMED], indirect=True)
def test_a_loop_that_a_rule_stopped_says_why_and_goes_on_where_it_was_when_it_is_resumed(
    stage: Stage,
) -> None:
    first, second = stage.runs
    assert "rounds: 1 are used up" in str(stage.notes["why"])
    assert "all rounds of loop resumed-1 are used up" in str(stage.notes["refused"])
    assert stage.notes["resumed"].returncode == 0, stage.notes["resumed"].stderr
    assert second.sessions("work")[0].base_commit == first.sessions("work")[0].commit
    assert stage.notes["shown"].returncode == 0, stage.notes["shown"].stderr
    assert "done: done_when holds (tests) after 2 rounds" in stage.notes["shown"].stdout
    assert len(stage.pulls()) == 1
