"""Airflow's simple auth manager with rights for each DAG, as real ones have."""

import json
import os
from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

VARIABLE = "DASH_DAGS"
"""JSON: user to the DAGs that the user may read; users left out may what their role may."""
METHODS = "DASH_METHODS"
"""JSON: user to what the user may do with DAGs and their runs, of what the role may."""


class PerDagAuthManager(SimpleAuthManager):
    """Some users may see some DAGs only, or do some things only; `[core] auth_manager` names it."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None):
        """As the simple one, of these DAGs."""
        dags = json.loads(os.environ[VARIABLE]).get(user.username)
        dag_id = details.id if details else None
        if dags is not None and (dag_id not in dags if dag_id else not dags):
            return False
        methods = json.loads(os.environ[METHODS]).get(user.username)
        if methods is not None and method not in methods:
            return False
        return super().is_authorized_dag(
            method=method, user=user, access_entity=access_entity, details=details
        )
