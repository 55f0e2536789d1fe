"""What the operators whose sessions play a role share: the role is looked at when the DAG file is parsed."""

from pathlib import Path
from typing import Any

from bridle import agents
from bridle.config.roles import RoleChanges, Roles
from bridle.config.settings import Settings
from bridle.operators.base import BridleOperator


class RoleOperator(BridleOperator):
    """A step whose sessions play a role of roles.yaml.

    A role or an agent that is not there, and arguments that do not fit, are errors of the DAG file: Airflow
    shows them before anything runs. The role's pool is the task's, unless the task or the DAG names one.
    """

    def __init__(self, *, role: str, changes: RoleChanges, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role = role
        self.changes = changes
        dag = kwargs.get("dag")
        if dag is None:
            return  # looked at when the task runs
        settings = Settings.load()
        roles = Roles.read(settings.include("roles.yaml", beside=Path(dag.fileloc).parent))
        found = roles.get(role, changes)
        agents.find(found.agent)
        if found.pool and "pool" not in {**(kwargs.get("default_args") or {}), **kwargs}:
            self.pool = found.pool
