"""The local stack as its users see it: up, down, status."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bridle.config.starter import starter_dir
from bridle.errors import StackError
from bridle.local.environment import ADMIN
from bridle.local.folder import StateFolder
from bridle.local.keys import Keys
from bridle.local.leftovers import end_leftovers, kill
from bridle.local.lock import StackLock
from bridle.local.options import StackOptions
from bridle.local.report import Report
from bridle.local.tether import tether

_START_SECONDS = 300
_STOP_SECONDS = 25


@dataclass(frozen=True)
class StackInfo:
    """How to reach a running stack."""

    url: str
    """Of the UI and REST API."""
    user: str
    """Login name."""
    password: str
    """Login password."""
    ledger_url: str
    """SQLAlchemy URL of Bridle's database."""
    airflow_home: Path
    """The stack's AIRFLOW_HOME."""
    state: Path
    """The folder that everything is in."""
    logs: Path
    """One log file per component, and `tasks/`."""

    def token(self) -> str:
        """A fresh token for the REST API.

        Raises:
            StackError: the API server does not answer, or refuses the login.
        """
        import httpx

        login = {"username": self.user, "password": self.password}
        try:
            with httpx.Client(trust_env=False, timeout=30) as client:
                answer = client.post(f"{self.url}/auth/token", json=login)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StackError(
                f"{self.url} gave no token: {error}; see {self.logs / 'api-server.log'}"
            ) from error
        return str(answer.json()["access_token"])


class Stack:
    """PostgreSQL and Airflow in one folder, kept alive by one background process.

    Args:
        state: the folder; may be deleted when the stack is down.
        port: of the UI and REST API; default 8080 when it is free, else any.
        dags: folder of DAG files; default `dags/` here, else those that Bridle ships.
        include: folder of roles, repositories and prompts; default `include/` here, else Bridle's.
        env: extra variables of Airflow's components.
        parallelism: how many tasks may run at once.
        fast: for tests: no durability, and lost tasks are noticed within seconds.
    """

    def __init__(
        self,
        state: Path = Path(".bridle"),
        *,
        port: int | None = None,
        dags: Path | None = None,
        include: Path | None = None,
        env: Mapping[str, str] | None = None,
        parallelism: int = 4,
        fast: bool = False,
    ) -> None:
        self.folder = StateFolder(state)
        self._options = StackOptions(
            dags=_here_or_shipped(dags, "dags"),
            include=_here_or_shipped(include, "include"),
            port=port,
            env=dict(env or {}),
            parallelism=parallelism,
            fast=fast,
        )
        self._lock = StackLock(self.folder.lock)
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the stack's background process is alive, ready or not."""
        return self._lock.held()

    def up(self, progress: Callable[[str], None] | None = None, *, tethered: bool = False) -> StackInfo:
        """Start the stack and wait until it is ready; when it is up already, only say how to reach it.

        Args:
            progress: called with one short line at each step.
            tethered: end the stack when the calling process dies; for tests and demos.

        Raises:
            StackError: it did not become ready; nothing is left running. The message names the reason.
        """
        say = progress or (lambda line: None)
        if self._ending():
            say("waiting for the stack before to end")
            self._wait_while(self._ending)
        if not self.running:
            self.folder.prepare()
            self._options.write(self.folder.options)
            self.folder.report.unlink(missing_ok=True)
            self._launch(tethered=tethered)
        self._wait_until_ready(say)
        return self.info()

    def info(self) -> StackInfo:
        """How to reach the running stack.

        Raises:
            StackError: it is not up.
        """
        report = self.status()
        if report is None or report.phase != "ready":
            raise StackError(f"no stack is up in {self.folder.path}; start it with `bridle up`")
        return StackInfo(
            url=report.url,
            user=ADMIN,
            password=Keys.load(self.folder.keys).admin_password,
            ledger_url=report.ledger_url,
            airflow_home=self.folder.airflow_home,
            state=self.folder.path,
            logs=self.folder.logs,
        )

    def status(self) -> Report | None:
        """The newest report of the background process; None when it is not alive."""
        return Report.read(self.folder.report) if self.running else None

    def down(self) -> bool:
        """End everything the stack has started; returns whether it was up.

        Raises:
            StackError: something could not be ended.
        """
        if self._supervisor is not None and not self.running:
            self._supervisor.terminate()  # it may be about to begin, or have ended long ago
            with suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(_STOP_SECONDS)
        self._wait_while(lambda: self.running and self.status() is None)  # it has just begun
        report = self.status()
        if report is None:
            return end_leftovers(self.folder.path) > 0
        supervisor = _process(report)
        if supervisor is not None:
            supervisor.terminate()
        self._wait_while(lambda: self.running)
        if self.running and supervisor is not None:
            kill([supervisor])
        end_leftovers(self.folder.path)
        if self._supervisor is not None:
            self._supervisor.wait(timeout=5)
        if self.running:
            raise StackError(f"process {report.pid} holds {self.folder.lock} and does not end; kill it")
        return True

    def _launch(self, *, tethered: bool) -> None:
        with self.folder.log("supervisor").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "bridle.local.supervisor", str(self.folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tether(signal.SIGTERM) if tethered else None,  # noqa: PLW1509 (two system calls)
            )

    def _wait_until_ready(self, progress: Callable[[str], None]) -> None:
        said = ""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            report = Report.read(self.folder.report)
            if report is not None and report.phase != "failed" and report.message not in ("", said):
                said = report.message
                progress(said)
            if report is not None and report.phase == "ready" and self.running:
                return
            if report is not None and report.phase == "failed":
                raise StackError(report.message)
            if self._ended():
                tail = self.folder.log_tail("supervisor")
                raise StackError(f"the stack ended while it was starting:\n{tail}".rstrip(":\n"))
            time.sleep(0.1)
        if self._supervisor is not None:
            self.down()
        raise StackError(f"the stack is not ready after {_START_SECONDS} s; see {self.folder.logs}")

    def _ended(self) -> bool:
        """Whether nobody brings it up any more: neither we, nor another `up` that was faster."""
        return not self.running and (self._supervisor is None or self._supervisor.poll() is not None)

    def _ending(self) -> bool:
        report = self.status()
        return report is not None and report.phase in ("stopping", "stopped", "failed")

    def _wait_while(self, this: Callable[[], bool]) -> None:
        """Wait until it is over, for as long as a stack may take to end."""
        deadline = time.monotonic() + _STOP_SECONDS
        while this() and time.monotonic() < deadline:
            time.sleep(0.05)


def _here_or_shipped(given: Path | None, name: str) -> Path:
    """The folder that was given, else the one in the current folder, else the one in the package."""
    here = Path.cwd() / name
    chosen = given or (here if here.is_dir() else starter_dir() / name)
    if not chosen.is_dir():
        raise StackError(f"{chosen} is no folder; give the {name} folder, or run `bridle init`")
    return chosen.resolve()


def _process(report: Report) -> psutil.Process | None:
    """The reporting process, unless its pid belongs to another one by now."""
    try:
        process = psutil.Process(report.pid)
        return process if abs(process.create_time() - report.started) < 1 else None
    except psutil.NoSuchProcess:
        return None
