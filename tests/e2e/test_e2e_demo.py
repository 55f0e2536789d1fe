"""`bridle demo`, as a person starts it: a pull request, twice in a row, and nothing left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from bridle.demo.outcome import branches, check
from bridle.demo.sample import Sample
from bridle.local.ports import free_port
from processes import found

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """The demo's folder; root's PostgreSQL may enter it."""
    with TemporaryDirectory(prefix="bridle-demo-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "demo"


def start(state: Path, *words: str) -> "subprocess.Popen[str]":
    command = [str(Path(sys.executable).with_name("bridle")), "demo", "--state", str(state)]
    command += ["--port", str(free_port()), *words]
    variables = {name: value for name, value in os.environ.items() if name not in ("APPROVE", "KEEP")}
    return subprocess.Popen(
        command,
        cwd=state.parent,
        env={**variables, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left_behind(state: Path) -> list[psutil.Process]:
    """Processes that name the demo's folder in their command line or environment."""

    def names_it(process: psutil.Process) -> bool:
        return any(str(state) in told for told in (*process.cmdline(), *process.environ().values()))

    return [process for process in found(names_it) if process.pid != os.getpid()]


def test_the_demo_ends_with_a_pull_request_that_passes(state: Path) -> None:
    """In an empty folder, or in that of a demo that was interrupted."""
    demo = start(state, "--approve")
    output, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, output
    assert "check tests: failed (exit 1)" in output, "round 1 is to be refused by the check"
    assert "round 2: claude-code" in output
    assert "the ledger's tokens are what the scripted model counted" in output
    assert "9 without a model" in output
    assert "Fix #1: Charged the wrong price for a large order" in output
    sample = Sample(state / "repository")
    assert branches(sample) == ["bridle/issue-1"]
    assert [path.name for path in sample.pulls.glob("*.md")] == ["1.md"]
    assert not check(sample, "main").passed
    assert check(sample, "bridle/issue-1").passed
    assert left_behind(state) == []


def test_ctrl_c_in_mid_session_leaves_nothing_running(state: Path) -> None:
    """Also of a demo that starts afresh where another one has been."""
    demo = start(state)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "turn 2 · Now the failing test" in line:
            break
    else:
        pytest.fail("the demo ended before its coding agent began")
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=240)
    assert demo.returncode == 130, output
    assert "nothing is left running" in output
    psutil.wait_procs(left_behind(state), timeout=60)
    assert left_behind(state) == []
