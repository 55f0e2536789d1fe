"""Nothing outlives its task: real processes, killed in every way that happens."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from bridle.process.child import run
from bridle.process.sandbox import Isolation, Sandbox
from bridle.process.strength import detect
from patience import PATIENCE, quickest

# A tool command as coding agents start them: in a session of its own, deaf to SIGTERM, orphaned twice.
STUBBORN = (
    "(setsid sh -c 'trap \"\" TERM; sleep {0}' &) ; (setsid sleep {0} &) ; trap '' TERM; sleep {0}; sleep {0}"
)

TASK = """
    import sys
    from pathlib import Path
    from bridle.process.child import run
    from bridle.process.guard import guard_task

    guard_task()
    run(["sh", "-c", sys.argv[1]], cwd=Path(sys.argv[2]), env={"PATH": "/usr/bin:/bin"}, timeout_seconds=600)
"""


def task(command: str, folder: Path) -> "subprocess.Popen[bytes]":
    program = [sys.executable, "-c", textwrap.dedent(TASK), command, str(folder)]
    return subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_everything_ends_when_the_task_is_killed(folder, mark):
    parent = task(STUBBORN.format(mark.seconds), folder)
    assert len(mark.wait(lambda found: len(found) == 3)) == 3
    parent.kill()
    parent.wait()
    assert mark.wait(lambda found: not found) == []


def test_everything_ends_when_the_parent_of_the_task_is_killed(folder, mark):
    code = textwrap.dedent(TASK)
    outer = (
        "import subprocess, sys; "
        "subprocess.run([sys.executable, '-c', sys.argv[1], *sys.argv[2:]], stdout=-3, stderr=-3)"
    )
    airflow = subprocess.Popen(
        [sys.executable, "-c", outer, code, STUBBORN.format(mark.seconds), str(folder)]
    )
    assert len(mark.wait(lambda found: len(found) == 3)) == 3
    airflow.kill()
    airflow.wait()
    assert mark.wait(lambda found: not found) == []


def test_everything_ends_when_the_command_is_killed(folder, env, mark):
    command = f"(setsid sh -c 'trap \"\" TERM; sleep {mark.seconds}' &); kill -9 $$"
    finished = run(["sh", "-c", command], cwd=folder, env=env, timeout_seconds=PATIENCE)
    assert finished.exit_code == 128 + signal.SIGKILL
    assert mark.alive() == []


def test_everything_ends_when_the_supervisor_is_killed(folder, mark):
    """A command under the same user can do that; the task has adopted what is left."""
    left = f"(setsid sh -c 'trap \"\" TERM; sleep {mark.seconds}' &)"
    parent = task(f"{left}; sleep 0.3; kill -9 $PPID; sleep {mark.seconds}", folder)
    assert parent.wait(PATIENCE) == 0
    assert mark.alive() == []


def test_an_orphan_that_never_stops_writing_does_not_hold_the_task(folder, mark):
    left = f"(setsid sh -c 'while :; do echo {mark.seconds}; done' sh {mark.seconds} &)"
    parent = task(f"{left}; sleep 0.3; kill -9 $PPID; sleep {mark.seconds}", folder)
    assert parent.wait(PATIENCE) == 0
    assert mark.alive() == []


def test_what_a_command_leaves_running_ends_with_it(folder, env, mark):
    command = f"(setsid sleep {mark.seconds} &) ; sleep {mark.seconds} & exit 0"
    finished = run(["sh", "-c", command], cwd=folder, env=env, timeout_seconds=PATIENCE)
    assert (finished.exit_code, finished.ended) == (0, "exit")
    assert finished.seconds < PATIENCE / 2
    assert mark.alive() == []


@pytest.mark.parametrize("isolation", list(Isolation))
def test_a_stop_ends_the_tree_within_the_grace(isolation, folder, env, mark):
    strength = detect()
    if isolation not in strength.works:
        pytest.skip(strength.reasons[isolation])
    sandbox = Sandbox(isolation, writable=(folder,), user=strength.user)

    def seconds_to_stop():
        stop = threading.Event()
        asked = []

        def ask():
            mark.wait(lambda found: len(found) == 3)
            asked.append(time.monotonic())
            stop.set()

        asking = threading.Thread(target=ask)
        asking.start()
        finished = run(
            ["sh", "-c", STUBBORN.format(mark.seconds)],
            cwd=folder,
            env=env,
            timeout_seconds=2 * PATIENCE,
            stop=stop,
            sandbox=sandbox,
        )
        ended = time.monotonic()
        asking.join()
        assert finished.ended == "stopped"
        assert mark.alive() == []
        return ended - asked[0]

    assert quickest(seconds_to_stop, enough=2.0 + 1.5) < 2.0 + 1.5


def test_a_command_that_ends_when_asked_gets_the_time_to_do_so(folder, env):
    said = []
    stop = threading.Event()

    def hear(line):
        said.append(line)
        stop.set()

    finished = run(
        [
            "sh",
            "-c",
            "trap 'sleep 0.5; echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        ],
        cwd=folder,
        env=env,
        timeout_seconds=PATIENCE,
        grace_seconds=PATIENCE,
        stop=stop,
        on_line=hear,
    )
    assert (said[0], said[-1]) == (b"ready", b"goodbye")
    assert finished.ended == "stopped"


def test_an_error_in_the_task_ends_the_command(folder, env, mark):
    class FenceWasLost(Exception):
        pass

    def on_line(line):
        raise FenceWasLost

    with pytest.raises(FenceWasLost):
        run(
            ["sh", "-c", f"setsid sleep {mark.seconds} & echo line; wait"],
            cwd=folder,
            env=env,
            timeout_seconds=PATIENCE,
            on_line=on_line,
        )
    assert mark.alive() == []
