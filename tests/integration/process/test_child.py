"""What a task learns from a command: its end, its output, its lines."""

import sys
import time
from pathlib import Path

import pytest

from bridle.process.child import run
from patience import PATIENCE


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_the_exit_code_and_the_output_arrive(folder, env):
    finished = run(
        ["sh", "-c", "echo out; echo err >&2; exit 7"], cwd=folder, env=env, timeout_seconds=PATIENCE
    )
    assert (finished.exit_code, finished.ended) == (7, "exit")
    assert finished.tail == "out\nerr\n"


def test_a_command_that_does_not_exist_says_so(folder, env):
    finished = run(["no-such-command"], cwd=folder, env=env, timeout_seconds=PATIENCE)
    assert finished.exit_code == 127
    assert "cannot start no-such-command" in finished.tail


def test_the_wall_clock_ends_a_command(folder, env):
    finished = run(["sleep", "600"], cwd=folder, env=env, timeout_seconds=0.5)
    assert finished.ended == "timeout"
    assert finished.seconds < PATIENCE


def test_silence_ends_a_command_and_output_keeps_it_alive(folder, env):
    chatty = (
        run(
            ["sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done"],
            cwd=folder,
            env=env,
            timeout_seconds=PATIENCE,
            idle_seconds=1.2,
        ).ended
        for _ in range(10)
    )
    assert "exit" in chatty  # a machine that stands still makes one or another silent, but not each
    silent = run(["sleep", "600"], cwd=folder, env=env, timeout_seconds=PATIENCE, idle_seconds=0.5)
    assert silent.ended == "idle"


def test_activity_elsewhere_keeps_a_silent_command_alive(folder, env):
    finished = run(
        ["sleep", "1.5"],
        cwd=folder,
        env=env,
        timeout_seconds=PATIENCE,
        idle_seconds=0.5,
        last_activity=time.monotonic,
    )
    assert finished.ended == "exit"


def test_output_is_capped_and_its_end_is_kept(folder, env):
    code = "import sys\nfor _ in range(200): sys.stdout.write('x' * 100_000)\nprint('the end')"
    finished = run(python(code), cwd=folder, env=env, timeout_seconds=PATIENCE, output_cap=50_000)
    assert len(finished.output) == 50_000
    assert finished.tail.endswith("the end\n")


def test_the_lines_pipe_survives_huge_lines(folder, env):
    code = (
        "import os\npipe = os.fdopen(3, 'wb')\npipe.write(b'first\\n')\n"
        "for _ in range(40): pipe.write(b'y' * 1_000_000)\n"
        "pipe.write(b'\\nlast\\n')\npipe.close()\nprint('x' * 1_000_000)"
    )
    lines = []
    finished = run(
        python(code), cwd=folder, env=env, timeout_seconds=PATIENCE, on_line=lines.append, lines_fd=True
    )
    assert finished.exit_code == 0
    assert (lines[0], lines[-1], len(lines)) == (b"first", b"last", 3)
    assert 1_000_000 < len(lines[1]) < 40_000_000


def test_standard_input_is_what_was_given(folder, env):
    finished = run(["cat"], cwd=folder, env=env, timeout_seconds=PATIENCE, stdin=b"z" * 300_000)
    assert finished.output == b"z" * 300_000


def test_no_descriptor_leaks(folder, env):
    before = len(list(Path("/proc/self/fd").iterdir()))
    run(["true"], cwd=folder, env=env, timeout_seconds=PATIENCE, on_line=print, lines_fd=True)
    with pytest.raises(FileNotFoundError):
        run(["true"], cwd=folder / "missing", env=env, timeout_seconds=PATIENCE, on_line=print, lines_fd=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
