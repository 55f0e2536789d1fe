"""The one folder that a local stack lives in; deleting it deletes the stack."""

import os
from pathlib import Path


class StateFolder:
    """Where each thing is below the stack's folder.

    Args:
        path: the folder; made by `prepare` when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.airflow_home = self.path / "airflow"
        self.postgres = self.path / "postgres"
        self.logs = self.path / "logs"
        self.task_logs = self.logs / "tasks"
        self.lock = self.path / "stack.lock"
        self.report = self.path / "report.json"
        self.options = self.path / "options.json"
        self.keys = self.path / "keys.json"
        self.migrated = self.path / "migrated.json"
        self.passwords = self.airflow_home / "passwords.json"

    def prepare(self) -> None:
        """Make the folder and what must be in it before anything starts."""
        self.path.mkdir(parents=True, exist_ok=True)
        # root's PostgreSQL runs as a lesser user that has to pass through; every secret file is 0600
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for folder in (self.airflow_home / "config", self.airflow_home / "plugins", self.task_logs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.path / ".gitignore").write_text("*\n")

    def log(self, component: str) -> Path:
        """The log file of one component."""
        return self.logs / f"{component}.log"

    def log_tail(self, component: str, lines: int = 15) -> str:
        """The last `lines` of a component's log."""
        try:
            text = self.log(component).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
