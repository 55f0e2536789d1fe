"""The environment that Airflow's components of a local stack run in: all of their configuration."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from bridle.local.folder import StateFolder
from bridle.local.keys import Keys
from bridle.local.options import StackOptions

MARKER = "BRIDLE_STACK"
"""Variable by which a stack's processes are recognised; its value is the stack's folder."""

ADMIN = "admin"
LOOPBACK = "127.0.0.1"

_TUNING = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # a finished task blocks its slot for up to this long
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "10",
    # together they let a task outlive a restart of the API server or the database
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "60",
    # the default grows to 90 s between two tries: longer than a heartbeat may be late
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "3",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
}

_FAST_TUNING = {
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
}

_NOT_INHERITED = ("AIRFLOW_CONFIG", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running stack are reached."""

    port: int
    """Of the UI and REST API, on the loopback."""
    metadata: str
    """URL of Airflow's database."""
    ledger: str
    """URL of Bridle's database, for its owner: migrations, the command line."""
    ledger_for_tasks: str
    """The same for tasks: in the embedded server as a role that cannot rewrite history."""

    @property
    def url(self) -> str:
        """Of the UI and REST API."""
        return f"http://{LOOPBACK}:{self.port}"


def airflow_environment(
    folder: StateFolder, options: StackOptions, keys: Keys, addresses: Addresses, *, base: Mapping[str, str]
) -> dict[str, str]:
    """Variables for every component.

    Args:
        base: the environment of whoever started the stack: its `AIRFLOW__…` variables win over our tuning,
            but not over what makes the stack a stack (its databases, addresses, keys and folders).
    """
    tuning = _TUNING | (_FAST_TUNING if options.fast else {})
    inherited = {name: value for name, value in base.items() if name not in _NOT_INHERITED}
    own = _fixed(folder, options, keys, addresses)
    path = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    return {**tuning, **inherited, **own, "PATH": path, **_no_proxy(base), **options.env}


def _fixed(folder: StateFolder, options: StackOptions, keys: Keys, addresses: Addresses) -> dict[str, str]:
    return {
        MARKER: str(folder.path),
        "SPT_NOENV": "1",  # process titles must not overwrite the variables that tell whose a process is
        # `python -m` would import from the folder that the stack was started in: a user's github.py, for one
        "PYTHONSAFEPATH": "1",
        "AIRFLOW_HOME": str(folder.airflow_home),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(options.parallelism),
        "AIRFLOW__CORE__DAGS_FOLDER": str(options.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder.airflow_home / "plugins"),
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{addresses.url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder.passwords),
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(addresses.port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": addresses.url,
        "AIRFLOW__API__SECRET_KEY": keys.session,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": addresses.metadata,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder.task_logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(folder.logs / "dags"),
        "AIRFLOW__BRIDLE__HOME": str(folder.path / "work"),
        "AIRFLOW__BRIDLE__INCLUDE_DIR": str(options.include),
        "AIRFLOW_CONN_BRIDLE_LEDGER": _connection(addresses.ledger_for_tasks),
    }


def _connection(url: str) -> str:
    parts = make_url(url)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts.host,
            "port": parts.port,
            "login": parts.username,
            "password": parts.password,
            "schema": parts.database,
            "extra": dict(parts.query),
        }
    )


def _no_proxy(base: Mapping[str, str]) -> dict[str, str]:
    """Tasks talk to the API server on the loopback: never through the user's proxy."""
    known = base.get("no_proxy") or base.get("NO_PROXY") or ""
    value = ",".join(filter(None, [known, LOOPBACK, "localhost"]))
    return {"no_proxy": value, "NO_PROXY": value}
