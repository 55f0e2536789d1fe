"""The one background process of a stack: starts everything, keeps it alive, ends it.

Run as `python -m bridle.local.supervisor STATE_FOLDER`. It says how it is in the folder's report file and
ends on SIGTERM within 20 seconds, leaving no process behind.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from sqlalchemy.engine import make_url

from bridle.errors import BridleError, StackError
from bridle.local.component import Component
from bridle.local.databases import LEDGER, METADATA, Databases
from bridle.local.environment import ADMIN, LOOPBACK, Addresses, airflow_environment
from bridle.local.files import write_private
from bridle.local.folder import StateFolder
from bridle.local.health import Health
from bridle.local.keys import Keys
from bridle.local.leftovers import collect_orphans, end_descendants, end_leftovers
from bridle.local.lock import StackLock
from bridle.local.migration import AirflowMigration
from bridle.local.options import StackOptions
from bridle.local.ports import free_port, is_free
from bridle.local.postgres import Postgres
from bridle.local.reconnect import PATIENCE_VARIABLE
from bridle.local.report import ComponentReport, Phase, Report
from bridle.local.tether import adopt_orphans

_DEFAULT_PORT = 8080
_WORKER = "bridle_worker"
_READY_SECONDS = 240
_GRACE_SECONDS = 5
_RETENTION_SECONDS = 24 * 3600.0
_AIRFLOW = (sys.executable, "-m", "airflow")
_COMMANDS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
_LOCAL_SETTINGS = """\
# Written by Bridle at every start.
from bridle import preload
from bridle.local import reconnect

preload.install()
reconnect.install()
"""


class Stopped(Exception):
    """SIGTERM arrived."""


class Supervisor:
    """Owns PostgreSQL and Airflow's components."""

    def __init__(self, folder: StateFolder, options: StackOptions) -> None:
        self._folder = folder
        self._options = options
        self._keys = Keys.load(folder.keys)
        self._postgres: Postgres | None = None
        self._postgres_restarts = 0
        self._components: list[Component] = []
        self._stopping = False
        me = psutil.Process()
        self._report = Report(phase="starting", message="", pid=me.pid, started=me.create_time())

    def run(self) -> int:
        """Live until SIGTERM; returns the exit code."""
        adopt_orphans()
        for request in (signal.SIGTERM, signal.SIGINT):
            signal.signal(request, self._on_signal)
        verdict: Phase = "failed"
        reason = f"the stack's supervisor broke; see {self._folder.log('supervisor')}"
        try:
            self._start()
            self._watch()
        except Stopped:
            verdict, reason = "stopped", "stopped"
        except BridleError as error:
            reason = str(error)
        finally:
            self._say("stopping", "ending what was started")
            self._end()
            self._say(verdict, reason)
        return 0 if verdict == "stopped" else 1

    def _start(self) -> None:
        end_leftovers(self._folder.path)
        began = time.time()
        port = self._port()
        addresses = self._databases(port)
        self._report = self._report.but(url=addresses.url, ledger_url=addresses.ledger)
        env = airflow_environment(self._folder, self._options, self._keys, addresses, base=os.environ)
        write_private(self._folder.passwords, f'{{"{ADMIN}": "{self._keys.admin_password}"}}')
        (self._folder.airflow_home / "config" / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS)
        self._migrate(addresses, env)
        self._say("starting", "starting API server, scheduler and DAG processor")
        for name, arguments in _COMMANDS.items():
            component = Component(name, [*_AIRFLOW, *arguments], env, self._folder.log(name))
            self._components.append(component)
            component.start()
        self._migrate_ledger(addresses.ledger)
        self._make_pools(env)
        health = Health(addresses.port, since=began)
        self._wait_until_ready(health)
        if not health.knows(ADMIN, self._keys.admin_password):
            raise StackError(
                f"port {addresses.port} was taken by another Airflow meanwhile; start again, or give a port"
            )
        self._say("ready", f"ready at {addresses.url}")

    def _databases(self, port: int) -> Addresses:
        given = Databases.given(os.environ)
        metadata, ledger = given.metadata or "", given.ledger or ""
        if given.embedded:
            self._say("starting", "starting PostgreSQL")
            self._postgres = Postgres(self._folder.postgres, fast=self._options.fast)
            self._postgres.start()
            for name in given.embedded:
                self._postgres.create_database(name)
            metadata = metadata or self._postgres.url(METADATA)
            ledger = ledger or self._postgres.url(LEDGER)
        for_tasks = ledger
        if self._postgres is not None and LEDGER in given.embedded:
            self._postgres.create_login(_WORKER, self._keys.worker, member_of="bridle_task")
            worker = make_url(ledger).set(username=_WORKER, password=self._keys.worker)
            for_tasks = worker.render_as_string(hide_password=False)
        return Addresses(port=port, metadata=metadata, ledger=ledger, ledger_for_tasks=for_tasks)

    def _port(self) -> int:
        given = self._options.port
        if given is not None and not is_free(given):
            raise StackError(
                f"port {given} on {LOOPBACK} is taken; give another one, or none to have it chosen"
            )
        return given or free_port(_DEFAULT_PORT)

    def _migrate(self, addresses: Addresses, env: dict[str, str]) -> None:
        migration = AirflowMigration(addresses.metadata, self._folder.migrated)
        if not migration.needed():
            return
        self._say("starting", "preparing Airflow's database (first start only)")
        with self._folder.log("migrate").open("ab") as log:
            impatient = env | {PATIENCE_VARIABLE: "0"}
            process = subprocess.Popen([*_AIRFLOW, "db", "migrate"], env=impatient, stdout=log, stderr=log)
            while process.poll() is None:
                self._pause(0.1)
        if process.returncode != 0:
            raise StackError(f"`airflow db migrate` failed:\n{self._folder.log_tail('migrate')}")
        migration.done()

    def _migrate_ledger(self, url: str) -> None:
        from bridle.ledger import migrate

        migrate.upgrade(url)

    def _make_pools(self, env: dict[str, str]) -> None:
        from bridle.config.roles import Roles
        from bridle.local.pools import make_pools

        roles = self._options.include / "roles.yaml"
        if roles.is_file():
            make_pools(Roles.read(roles).all_pools(), env)

    def _wait_until_ready(self, health: Health) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while waiting := health.waiting_for():
            self._say("starting", f"waiting for {', '.join(waiting)}")
            self._tend()
            dying = [component.name for component in self._components if component.restarts >= 2]
            if dying or time.monotonic() > deadline:
                name = (dying or waiting)[0]
                why = "keeps exiting" if dying else f"is not ready after {_READY_SECONDS} s"
                log = self._folder.log(name)
                raise StackError(f"{name} {why}; its log {log} ends:\n{self._folder.log_tail(name)}")
            self._pause(0.3)

    def _watch(self) -> None:
        due = time.monotonic()
        while True:
            self._tend()
            if time.monotonic() >= due:
                self._retire()
                due = time.monotonic() + _RETENTION_SECONDS
            self._pause(1.0)

    def _retire(self) -> None:
        """Delete what the ledger need not keep: tasks have no right to."""
        from bridle.ledger.retention import Retention, retire

        try:
            sys.stderr.write(f"{retire(self._report.ledger_url, Retention.given(os.environ))}\n")
        except BridleError as error:  # no reason to end the stack; tomorrow is another day
            sys.stderr.write(f"retention: {error}\n")

    def _tend(self) -> None:
        changed = [component.tend() for component in self._components]
        if self._postgres is not None and not self._postgres.running:
            self._postgres.start()
            self._postgres_restarts += 1
            changed.append(True)
        collect_orphans(self._own_pids())
        if any(changed):
            self._publish()

    def _own_pids(self) -> set[int]:
        processes = [component.process for component in self._components]
        if self._postgres is not None:
            processes.append(self._postgres.process)
        return {process.pid for process in processes if process is not None}

    def _end(self) -> None:
        for component in self._components:
            component.terminate()
        # A scheduler with running tasks would wait for them. They are killed, not asked to stop: a task that
        # was stopped has failed, one that was lost is taken up again by the next start.
        deadline = time.monotonic() + _GRACE_SECONDS
        for component in self._components:
            component.end(deadline)
        server = self._postgres.process if self._postgres is not None else None
        end_descendants(but={server.pid} if server is not None else set())
        if self._postgres is not None:
            self._postgres.stop(grace_seconds=4)
        end_descendants(but=set(), timeout_seconds=2)

    def _say(self, phase: Phase, message: str) -> None:
        self._report = self._report.but(phase=phase, message=message)
        self._publish()

    def _publish(self) -> None:
        parts = {component.name: component.report() for component in self._components}
        if self._postgres is not None and self._postgres.process is not None:
            pid = self._postgres.process.pid
            parts = {"postgres": ComponentReport(pid=pid, restarts=self._postgres_restarts), **parts}
        self._report = self._report.but(components=parts)
        self._report.write(self._folder.report)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping = True

    def _pause(self, seconds: float) -> None:
        """Sleep, unless the end was asked for."""
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._stopping:
            raise Stopped


def main() -> int:
    """Entry point of the process."""
    folder = StateFolder(Path(sys.argv[1]))
    lock = StackLock(folder.lock)
    if not lock.acquire():
        return 3
    return Supervisor(folder, StackOptions.read(folder.options)).run()


if __name__ == "__main__":
    sys.exit(main())
