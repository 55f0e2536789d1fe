"""Steps find loaded what their worker has loaded before it forked them."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from bridle import preload
preload.install()
print("bridle.harness.session" in sys.modules, "detect_secrets" in sys.modules)
"""


@pytest.mark.parametrize(
    ("command", "loaded"),
    [
        ("scheduler --skip-serve-logs", "True True"),
        ("celery worker -c 4", "True True"),
        ("api-server", "False False"),
        ("dag-processor", "False False"),
        ("db migrate", "False False"),
    ],
)
def test_only_processes_that_fork_tasks_load_what_steps_need(command: str, loaded: str) -> None:
    argv = [sys.executable, "-c", PROGRAM, *command.split()]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
