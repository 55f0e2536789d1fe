"""The task process's own part of the promise that nothing outlives its task."""

import os
import signal

from bridle.errors import StopRequested
from bridle.process.supervisor import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl


def guard_task() -> None:
    """Make this process end with its parent, and adopt the orphans of its children.

    Airflow's supervisor may be the one that is killed; without this the task would go on, and spend, beside
    its own second try. Call it on the main thread at the start of `execute`.

    Raises:
        StopRequested: the parent went away meanwhile.
    """
    parent = os.getppid()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise StopRequested("the process that started this task is gone; another try will take over")
