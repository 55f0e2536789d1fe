"""Airflow's settings that decide whether long steps survive what happens around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bridle.doctor.finding import Finding, fail, ok, unseen, warn
from bridle.doctor.patient import Patient


@dataclass(frozen=True)
class Advice:
    """A setting, and between which values it does no harm."""

    option: str
    """`section.name`."""
    low: float
    high: float
    better: str
    """What to set."""
    why: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"AIRFLOW__{self.option.replace('.', '__').upper()}"


ADVICE = (
    Advice(
        "workers.min_heartbeat_interval",
        0,
        2,
        "1",
        "a finished task blocks its slot for up to so many seconds",
    ),
    Advice("workers.max_failed_heartbeats", 10, 1e9, "60", "a restart of the API server ends running tasks"),
    Advice(
        "workers.execution_api_retries", 20, 1e9, "60", "tasks that end while the API server restarts fail"
    ),
    Advice(
        *("workers.execution_api_retry_wait_max", 0, 15, "3"),
        "a task sleeps on after the API server is back, and is tried again beside itself",
    ),
    Advice(
        *("scheduler.task_instance_heartbeat_timeout", 60, 200, "120"),
        "shorter than a restart, live tasks are tried again; longer, lost ones wait",
    ),
    Advice(
        *("scheduler.orphaned_tasks_check_interval", 1, 60, "30"),
        "tasks of a killed scheduler wait for so many seconds",
    ),
    Advice(
        *("scheduler.scheduler_health_check_threshold", 30, 300, "30"),
        "when the database pauses for longer, live tasks are tried again",
    ),
)


def settings(patient: Patient) -> Iterator[Finding]:
    """Heartbeats, intervals, thresholds."""
    if not patient.configured:
        yield unseen(
            "Airflow's settings", "no Airflow is configured here", "set AIRFLOW_HOME, or `bridle up`"
        )
        return
    for advice in ADVICE:
        section, _, name = advice.option.partition(".")
        what = f"[{section}] {name}"
        given, remedy = patient.option(section, name), f"{advice.variable}={advice.better}"
        try:
            harmless = bool(given) and advice.low <= float(given) <= advice.high
        except ValueError:
            yield fail(what, f"{given} is no number: no component of Airflow starts", remedy)
            continue
        yield ok(what, given) if harmless else warn(what, f"{given or 'unset'}: {advice.why}", remedy)


def reconnecting(patient: Patient) -> Iterator[Finding]:
    """Whether Airflow's components ride out a restart of their database."""
    if not patient.configured:
        return
    from sqlalchemy import create_engine

    try:
        import_module("airflow.settings")
        import_module("airflow_local_settings")
    except ModuleNotFoundError:
        pass
    # what each new engine starts with
    listeners: Any = create_engine("postgresql+psycopg://").dialect.dispatch
    if listeners.do_connect:
        yield ok("reconnecting", "components wait for a database that is away")
    else:
        yield warn(
            "reconnecting",
            "a database that is away for three seconds ends scheduler and DAG processor",
            "in airflow_local_settings.py: from bridle.local.reconnect import install; install()",
        )


def executor(patient: Patient) -> Iterator[Finding]:
    """Where tasks run."""
    if not patient.configured:
        return
    from airflow.exceptions import AirflowConfigException
    from airflow.executors.executor_loader import ExecutorLoader

    found = patient.option("core", "executor")
    try:
        for name in ExecutorLoader.get_executor_names(validate_teams=False):
            ExecutorLoader.import_executor_cls(name)
    except (AirflowConfigException, ImportError, AttributeError) as error:
        yield fail(
            "executor",
            f"{found}: {error}",
            "install the provider that brings it, or AIRFLOW__CORE__EXECUTOR=LocalExecutor",
        )
    else:
        yield ok("executor", found)


def workflows(patient: Patient) -> Iterator[Finding]:
    """Whether Airflow finds the workflows."""
    if not patient.configured:
        return
    folder = patient.dags
    if not folder.is_dir():
        yield fail("DAG folder", f"{folder} is not there", "run `bridle init`, or set [core] dags_folder")
    elif any("bridle" in path.read_text(errors="replace") for path in folder.rglob("*.py")):
        yield ok("DAG folder", str(folder))
    else:
        yield warn("DAG folder", f"{folder} has no workflow of Bridle's", f"bridle init {folder.parent}")
