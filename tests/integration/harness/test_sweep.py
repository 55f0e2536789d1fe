"""What nobody closed, the sweeper closes."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from harness_bench import Bed, edit
from sqlalchemy import create_engine, text

from bridle.forge import open_forge
from bridle.harness.approval import answered, ask
from bridle.harness.bench import Bench
from bridle.harness.sweep import sweep
from bridle.harness.work import work
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.ids import new_id
from bridle.ledger.records import StepKey
from bridle.ledger.tasks import WORKING, SeenTask
from bridle.testing.git_repository import plain_git
from bridle.testing.ledger import session_start
from bridle.workspace.leftovers import socket_folder

Make = Callable[..., Bed]


def test_a_branch_of_a_failed_run_that_never_came_to_a_pull_request_is_taken_back_once(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    done = work(here.step(), here.work(agent="codex"))
    (here.folder / "repositories.yaml").write_text(
        "repositories:\n  demo/sample:\n    forge: local\n"
        f"    url: {here.user.path.as_uri()}\n    issues: {here.user.path.parent}/issues\n"
        "    checks: {t: 'true'}\n"
    )
    here.settings["repositories_file"] = here.folder / "repositories.yaml"
    step = here.step(task="publish")
    repository = here.user.configured()
    forge = open_forge(repository, mirror=Bench(step, repository).mirror)
    commit = done.commit or ""

    def push() -> Receipt:
        forge.push(commit, "bridle/issue-7", expected=None)
        return Receipt(version=commit, data={"commit": commit})

    perform(
        step.ledger,
        step.attempt,
        step.fence,
        key="branch:demo/sample:bridle/issue-7",
        version=commit,
        kind="push",
        target="demo/sample:bridle/issue-7",
        lookup=lambda: None,
        act=push,
    )
    assert "bridle/issue-7" in plain_git(here.user.path, "branch")
    assert "took back 0 branches" in sweep(here.step(task="sweep"), lambda dag, run: "running").summary
    assert "took back 1 branches" in sweep(here.step(task="sweep"), lambda dag, run: "failed").summary
    assert "bridle/issue-7" not in plain_git(here.user.path, "branch")
    assert "took back 0 branches" in sweep(here.step(task="sweep"), lambda dag, run: "failed").summary


def test_a_session_whose_lease_ran_out_is_closed_as_lost(bed: Make, ledger_url: str) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    step = here.step()
    start = session_start(step.attempt, step.fence)
    session_id = here.ledger.open_session(start, ttl_seconds=0.1)
    time.sleep(0.2)
    assert "closed 1 lost sessions" in sweep(here.step(task="sweep"), lambda dag, run: "running").summary
    assert here.ledger.session(session_id).outcome == "lost"
    with create_engine(ledger_url).connect() as connection:
        assert connection.scalar(text("select count(*) from bridle.session where closed_at is null")) == 0


KILLED_SESSION = """
import pathlib, sys, time
from bridle.workspace.leftovers import socket_folder
from bridle.workspace.lease import held
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True)
with held(folder):
    socket_folder(folder.name).mkdir()
    print("at work", flush=True)
    time.sleep(600)
"""


def test_the_next_session_of_a_host_removes_what_a_killed_one_left(bed: Make) -> None:
    """Its clone, and the folder of its socket, which would fill the temporary directory."""
    here = bed({"implement": [edit("a - b", "a + b")]})
    name = str(new_id())
    folder = here.folder / "host" / "sessions" / name
    argv = [sys.executable, "-c", KILLED_SESSION, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"at work\n"
        work(here.step(), here.work(agent="codex"))
        assert folder.exists()
        assert socket_folder(name).exists()
        killed.kill()
    work(here.step(generation=3), here.work(agent="codex"))
    assert not folder.exists()
    assert not socket_folder(name).exists()


def loop_in_round_one(here: Bed, name: str) -> None:
    base = "a" * 40
    terms = {"goal": "g", "repo": "demo", "base": base, "branch": "b", "hours": None}
    here.ledger.open_loop(name, dag_id="goal_loop", params={"max_rounds": 9}, **terms)
    here.ledger.open_round(name, 1, run_id=name, base=base)


@pytest.mark.parametrize(
    ("states", "left"),
    [
        ({"one": "running"}, "running"),
        ({"one": "success", "one-r2": "queued"}, "running"),
        ({"one": "failed", "one-r2": "failed", "one-r2-2": "running"}, "running"),
        ({"one": "failed"}, "failed"),
        ({"one": "success", "one-r2": "failed"}, "failed"),
        ({}, "failed"),
    ],
    ids=["at work", "the next waits", "resumed", "marked failed", "the next marked failed", "deleted"],
)
def test_a_loop_that_no_run_pursues_is_closed_and_no_other(
    bed: Make, states: dict[str, str], left: str
) -> None:
    here = bed({})
    loop_in_round_one(here, "one")
    told = sweep(here.step(task="sweep"), lambda dag, run: states.get(run) if dag == "goal_loop" else None)
    assert f"{int(left == 'failed')} loops that no run pursues" in told.summary
    loop = here.ledger.loop("one")
    assert (loop.state, loop.closed_at is not None) == (left, left == "failed")
    if left == "failed":
        assert f"run {max(states, default='one')} ended before a step" in loop.reason
        (row,) = here.ledger.rounds("one")
        assert (row.verdict, row.reason, row.tokens) == ("stop", loop.reason, 0)


def test_what_a_person_has_said_about_a_loop_stays(bed: Make) -> None:
    here = bed({})
    loop_in_round_one(here, "one")
    here.ledger.set_loop_state("one", "paused", "ada paused it")
    sweep(here.step(task="sweep"), lambda dag, run: "failed")
    assert here.ledger.loop("one").reason == "ada paused it"


def test_only_a_question_of_a_run_that_has_ended_is_withdrawn_and_its_step_asks_again(bed: Make) -> None:
    here = bed({})
    step = here.step(task="approve")
    ask(step, subject="Publish?", commit="a" * 40, inputs={})
    assert "withdrew 0 questions" in sweep(here.step(task="sweep"), lambda dag, run: "running").summary
    assert "withdrew 1 questions" in sweep(here.step(task="sweep"), lambda dag, run: "failed").summary
    (asked,) = here.ledger.reviews_of_run(step.attempt.step)
    assert (asked.decision, asked.feedback) == ("withdrawn", "the run ended before anybody answered")
    assert answered(step) is None
    ask(step, subject="Publish?", commit="a" * 40, inputs={})
    assert [row.decision for row in here.ledger.reviews_of_run(step.attempt.step)] == ["withdrawn", None]


def test_a_spec_is_kept_for_a_run_at_work_and_let_go_of_for_one_that_has_ended(bed: Make) -> None:
    here = bed({})
    tasks = [SeenTask("T1", "One", "w", done=False), SeenTask("T2", "Two", "w", done=False)]
    here.ledger.spec_seen("demo:PLAN.md", tasks)
    for key, run in (("T1", "mine"), ("T2", "other")):
        run_of = StepKey("spec_routine", run, "pick_tasks")
        here.ledger.set_task("demo:PLAN.md", key, WORKING, run=run_of)
    lease = here.ledger.claim("spec:demo:PLAN.md", "spec_routine/mine", 600)
    assert "let go of 0 specs" in sweep(here.step(task="sweep"), lambda dag, run: "running").summary
    assert here.ledger.holder("spec:demo:PLAN.md") == lease
    assert "let go of 1 specs" in sweep(here.step(task="sweep"), lambda dag, run: "failed").summary
    assert here.ledger.holder("spec:demo:PLAN.md") is None
    states = {row.key: row.state for row in here.ledger.spec_tasks("demo:PLAN.md")}
    assert states == {"T1": "open", "T2": "working"}
