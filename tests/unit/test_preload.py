"""Steps find loaded what their worker has loaded before it forked them."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, sys
from bridle import preload
preload.install()
print("bridle.harness.session" in sys.modules, "detect_secrets" in sys.modules, gc.get_threshold()[0])
"""


@pytest.mark.parametrize(
    ("command", "loaded"),
    [
        ("scheduler --skip-serve-logs", "True True 10000"),
        ("celery worker -c 4", "True True 10000"),
        ("api-server", "False False 10000"),
        ("dag-processor", "False False 10000"),
        ("db migrate", "False False 10000"),
    ],
)
def test_only_processes_that_fork_tasks_load_what_steps_need(command: str, loaded: str) -> None:
    """All of them look for garbage less often than Python's 700 objects would have it."""
    argv = [sys.executable, "-c", PROGRAM, *command.split()]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
