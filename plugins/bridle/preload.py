"""Has Airflow's scheduler and workers load what every step needs: once, before they fork their tasks.

Without, each step loads it again: a third of a second, and memory that no two steps share. Beside that, any
component starts with less CPU time, as it looks for garbage less often. The stack's own settings file,
`airflow_local_settings.py`, calls it; so may yours.
"""

import gc
import sys

_FORKING = {"scheduler", "worker"}
"""Airflow's commands whose processes are forked into tasks: with LocalExecutor, and Celery's workers."""

_OBJECTS = 10_000
"""How many more objects there are before garbage is looked for; Python's 700 are made a thousand times while
a component imports what it will never let go of."""


def install() -> None:
    """Load it in a process that forks tasks; have any component look for garbage less often."""
    gc.set_threshold(_OBJECTS)
    if _FORKING & set(sys.argv[1:]):
        load()


def load() -> None:
    """Import what a step imports, and the libraries behind it."""
    import genai_prices.data  # noqa: F401 (loads itself only with the first price)

    import bridle.harness.work  # noqa: F401
    from bridle.gateway.certificates import trusted
    from bridle.guard.scanner import find_secrets

    find_secrets("")
    trusted()
