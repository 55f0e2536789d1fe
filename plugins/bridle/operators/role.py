"""What the operators whose sessions play a role share: the role is looked at when the DAG file is parsed."""

from pathlib import Path
from typing import Any

from bridle import agents
from bridle.agents.base import Access
from bridle.config.roles import RoleChanges, roles_in_force
from bridle.config.settings import Settings
from bridle.errors import ConfigError
from bridle.operators.base import BridleOperator
from bridle.operators.links import RunLink, SessionLink


class RoleOperator(BridleOperator):
    """A step whose sessions play a role of roles.yaml.

    A role or an agent that is not there, and arguments that do not fit, are errors of the DAG file: Airflow
    shows them before anything runs. The role's pool is the task's, unless the task or the DAG names one.
    """

    operator_extra_links = (SessionLink(), RunLink())

    def __init__(
        self,
        *,
        role: str,
        changes: RoleChanges,
        access: Access = "none",
        output: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.role = role
        self.changes = changes
        dag = kwargs.get("dag")
        if dag is None:
            return  # looked at when the task runs
        roles = roles_in_force(Settings.load(), beside=Path(dag.fileloc).parent)
        found = roles.get(role, changes)
        supports = agents.get(found.agent).supports
        lacking = supports.lacks(effort=found.effort, tools=found.tools, access=access, output=output)
        if not roles.dialects_of(found).intersection(supports.dialects):
            lacking = f"speaks only {', '.join(supports.dialects)}, which {found.provider!r} does not"
        if lacking:
            raise ConfigError(f"{self.task_id}: role {role!r}: agent {found.agent!r} {lacking}")
        if found.pool and "pool" not in {**(kwargs.get("default_args") or {}), **kwargs}:
            self.pool = found.pool
