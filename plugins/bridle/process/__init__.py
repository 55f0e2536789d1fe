"""Runs every command that Bridle does not trust: agents and checks.

`child.run` starts it under a supervisor that ends its whole tree, with an environment of its own and as much
isolation as the host offers. Nothing here knows of Airflow, agents or the ledger.
"""

from bridle.process.child import Finished, run
from bridle.process.environment import child_environment
from bridle.process.guard import guard_task
from bridle.process.sandbox import Isolation, Sandbox
from bridle.process.strength import Strength, detect

__all__ = [
    "Finished",
    "Isolation",
    "Sandbox",
    "Strength",
    "child_environment",
    "detect",
    "guard_task",
    "run",
]
