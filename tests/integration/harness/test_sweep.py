"""What nobody closed, the sweeper closes."""

import subprocess
import sys
import time
from collections.abc import Callable

from harness_bench import Bed, edit
from sqlalchemy import create_engine, text

from bridle.forge import open_forge
from bridle.harness.bench import Bench
from bridle.harness.sweep import sweep
from bridle.harness.work import work
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.ids import new_id
from bridle.testing.git_repository import plain_git
from bridle.testing.ledger import session_start
from bridle.workspace.leftovers import socket_folder

Make = Callable[..., Bed]


def test_a_branch_of_a_failed_run_that_never_came_to_a_pull_request_is_taken_back_once(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    done = work(here.step(), here.work())
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
        work(here.step(), here.work())
        assert folder.exists()
        assert socket_folder(name).exists()
        killed.kill()
    work(here.step(generation=3), here.work())
    assert not folder.exists()
    assert not socket_folder(name).exists()
