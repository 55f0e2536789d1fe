"""What is looked at: an Airflow's configuration, Bridle's files, and a local stack when one is up."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from bridle.config.repositories import Repositories, repositories_in_force
from bridle.config.roles import Roles, roles_in_force
from bridle.config.settings import Settings
from bridle.local.report import Report
from bridle.local.stack import Stack


@dataclass(frozen=True)
class Patient:
    """An installation, seen with the eyes of its tasks."""

    state: Path
    """Folder of the local stack, whether there is one or not."""
    report: Report | None
    """Of the local stack; None: it is not up."""
    configured: bool
    """Whether there is an Airflow configuration to look at; otherwise its defaults are."""

    def __str__(self) -> str:
        if self.report is not None:
            return f"the stack in {self.state} ({self.report.phase})"
        if self.configured:
            home = os.environ.get("AIRFLOW_HOME", "~/airflow")
            return f"the Airflow in {home}; no stack is up in {self.state}"
        return f"this host alone: no stack is up in {self.state}, and AIRFLOW_HOME is not set"

    @cached_property
    def settings(self) -> Settings:
        """Bridle's settings.

        Raises:
            ConfigError: one of them is wrong.
        """
        return Settings.load()

    @cached_property
    def roles(self) -> Roles:
        """roles.yaml.

        Raises:
            ConfigError: it is missing or malformed.
        """
        return roles_in_force(self.settings, beside=self.dags)

    @cached_property
    def repositories(self) -> Repositories:
        """repositories.yaml.

        Raises:
            ConfigError: it is missing or malformed.
        """
        return repositories_in_force(self.settings, beside=self.dags)

    @property
    def dags(self) -> Path:
        """Airflow's folder of DAG files."""
        return Path(self.option("core", "dags_folder"))

    def option(self, section: str, name: str) -> str:
        """An option of Airflow's configuration; empty when it has none."""
        from airflow.configuration import conf

        return str(conf.get(section, name, fallback="") or "")


@contextmanager
def patient_in(state: Path) -> Iterator[Patient]:
    """The installation that commands with this `state` would use, in this process's environment.

    The environment of a running stack's scheduler is taken on: it is what tasks see. Where no Airflow is
    configured, none is made: a folder of its own keeps Airflow's import from writing a configuration.
    """
    stack = Stack(state)
    report = stack.status()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bridle-doctor-") as empty:
        os.environ |= _environment(report)
        home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
        configured = "AIRFLOW_HOME" in os.environ or (home / "airflow.cfg").is_file()
        if not configured:
            os.environ["AIRFLOW_HOME"] = empty
        # connections that are kept in Airflow's database are looked for there, as tasks' are
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        try:
            yield Patient(stack.folder.path, report, configured)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _environment(report: Report | None) -> dict[str, str]:
    if report is None:
        return {}
    for part in report.components.values():
        try:
            found = psutil.Process(part.pid).environ() if part.pid else {}
        except psutil.Error:
            continue
        if "AIRFLOW_HOME" in found:  # a process that names itself anew may write over its environment
            return found
    return {}
