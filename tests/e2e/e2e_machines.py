"""The services of docker-compose.yaml, run here without Docker: each with its own command and environment.

What differs from Compose: host names become addresses of the loopback, paths become folders, ports become
free ones, and each worker's log server is started beside it, as Airflow's own listens on every interface.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import psutil
import psycopg
import pytest
from e2e_compose import ROOT, Compose
from e2e_processes import eventually
from psycopg import sql

from bridle.local.binaries import postgres_bin
from bridle.local.component import Component
from bridle.local.compose import fresh_secrets
from bridle.local.environment import MARKER
from bridle.local.leftovers import end_leftovers, kill
from bridle.local.ports import free_port
from bridle.local.postgres import Postgres
from bridle.local.rest import AirflowClient
from bridle.local.stack import StackInfo
from processes import found

STORES = ("postgres", "redis", "pgbouncer")
"""What Airflow's own services stand on."""
WORKERS = {"airflow-worker-1": "127.0.0.2", "airflow-worker-2": "127.0.0.3"}
LOOPBACK = "127.0.0.1"
_BIN = Path(sys.executable).parent
_LOGS = "airflow.utils.serve_logs.log_server:get_app"
_HOST_NAME = 'import os\n\n\ndef address():\n    return os.environ["MACHINE"]\n'
_FAST = {
    "AIRFLOW__API__HOST": LOOPBACK,
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "machine.address",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
    "AIRFLOW__BRIDLE__CHECKPOINT_SECONDS": "1",
    "SPT_NOENV": "1",
}
"""What a test changes: nothing of it is about the topology."""


def require_stores() -> None:
    """Skip where a program of `STORES` is missing; those of PostgreSQL come with the extra `local`."""
    for program in ("redis-server", "pgbouncer"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {program}")


def require_programs() -> None:
    """Skip where something is missing that the topology needs and a package brings."""
    require_stores()
    pytest.importorskip(
        "airflow.providers.celery", reason="needs the extra celery: pip install -e '.[celery]'"
    )
    if sys.platform != "linux":
        pytest.skip("the second host has the address 127.0.0.3, which only Linux has without further ado")


class Machines:
    """Everything that `docker compose --profile pooler up` starts, with two workers."""

    def __init__(self, folder: Path, *, dags: Path, include: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self._ports = {name: free_port() for name in ("api", "redis", "pooler", "logs", "health")}
        self.secrets = fresh_secrets()
        self.compose = Compose(
            {**self.secrets, "DATABASE_ADDRESS": "pgbouncer:6432", "WORKER_CONCURRENCY": "1"}
        )
        self._env = env
        self._shared = {"dags": dags, "include": include, "auth": folder / "auth"}
        self.postgres = Postgres(folder / "postgres", fast=True)
        self.components: dict[str, Component] = {}
        self.url = f"http://{LOOPBACK}:{self._ports['api']}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for component in self.components.values():
            component.terminate()
        end_leftovers(self.folder)
        for component in self.components.values():
            component.end(0)
        self.postgres.stop(grace_seconds=2)

    @property
    def info(self) -> StackInfo:
        """How to reach it, as for a local stack."""
        return StackInfo(
            url=self.url,
            user="admin",
            password=self.secrets["ADMIN_PASSWORD"],
            ledger_url=self._owners_ledger,
            airflow_home=self.folder,
            state=self.folder,
            logs=self.folder / "logs",
        )

    @property
    def database_ports(self) -> set[int]:
        """Where a connection to a database goes to."""
        return {self._ports["pooler"], self.postgres.port}

    @property
    def _owners_ledger(self) -> str:
        password = self.secrets["POSTGRES_PASSWORD"]
        return f"postgresql://postgres:{password}@{LOOPBACK}:{self.postgres.port}/bridle"

    def tend(self) -> None:
        """Start again what has exited, as `restart: always` does."""
        for component in self.components.values():
            component.tend()

    def restart(self, name: str, **env: str) -> None:
        """Kill a service with -9, all of it, and start it again at once, as `restart: always` does.

        Args:
            name: of the service.
            env: what is different from now on.
        """
        process = self.components[name].process
        if process is not None:
            # as with a container; the scheduler's health server alone would keep its database connection, and
            # with it the locks of the transaction that it was killed in
            main = psutil.Process(process.pid)
            kill([main, *main.children(recursive=True)])
            process.wait()
        self._start_airflow(name, env)

    def said(self, name: str) -> str:
        """A service's own output."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def lose(self, worker: str) -> None:
        """A machine is gone: every process of it, its log server too, and nothing starts it again."""
        address = WORKERS[worker]
        for name in (worker, f"{worker}-logs"):
            del self.components[name]
        kill(found(lambda it: it.environ().get("MACHINE") == address))

    def healthy(self, name: str, **env: str) -> bool:
        """What the service's own health check says.

        Args:
            name: of the service.
            env: what is different of its environment.
        """
        argv = [self._local(word) for word in self.compose.services[_service(name)].health]
        if argv[0] == "redis-cli":  # no variable tells it a port
            argv[1:1] = ["-p", str(self._ports["redis"])]
        environment = self._environment(name) | {"PGPORT": str(self.postgres.port)} | env
        environment["PATH"] += f"{os.pathsep}{postgres_bin()}"
        done = subprocess.run(argv, env=environment, capture_output=True, timeout=300, check=False)
        return done.returncode == 0

    def end_store(self, name: str) -> None:
        """End one of `STORES`, and do not start it again."""
        if name == "postgres":
            self.postgres.stop(grace_seconds=2)
        else:
            component = self.components.pop(name)
            component.terminate()
            component.end(time.monotonic() + 60)

    def start_stores(self) -> None:
        """What Airflow's services wait for, and no more; leaving the context ends it."""
        self._shared["auth"].mkdir(parents=True)
        (self.folder / "logs").mkdir()
        (self.folder / "machine.py").write_text(_HOST_NAME)
        self.postgres.start()
        self._create_owner()
        self._start_redis()
        self._start_pooler()

    def _start(self) -> None:
        self.start_stores()
        self._run_init()
        self._launch("bridle-keeper", self.compose.services["bridle-keeper"].command)
        for name in ("airflow-apiserver", "airflow-scheduler", "airflow-dag-processor"):
            self._start_airflow(name, {})
        for name, address in WORKERS.items():
            self._launch(name, [*self._airflow(name), "--skip-serve-logs", "--celery-hostname", address])
            logs = ["--factory", "--host", address, "--port", str(self._ports["logs"]), "--no-access-log"]
            self._launch(f"{name}-logs", [str(_BIN / "uvicorn"), _LOGS, *logs])
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Until every part of Airflow says that it is well."""
        with AirflowClient.login(self.url, "admin", self.secrets["ADMIN_PASSWORD"]) as airflow:

            def ready() -> bool:
                self.tend()
                try:
                    parts = airflow.health()
                    return parts["scheduler"] == parts["dag_processor"] == "healthy" and airflow.has_dag(
                        "issue_fix"
                    )
                except Exception:  # noqa: BLE001 (it is not up yet, in one of many ways)
                    return False

            eventually("Airflow is up", ready, 400)

    def _create_owner(self) -> None:
        """The superuser of Compose's Postgres, and what a new volume is given."""
        password = sql.Literal(self.secrets["POSTGRES_PASSWORD"])
        with psycopg.connect(_libpq(self.postgres.url()), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD {}").format(password))
            for statement in self.compose.statements("airflow.sql"):
                connection.execute(statement.encode())

    def _start_redis(self) -> None:
        service = self.compose.services["redis"]
        where = ["--bind", LOOPBACK, "--port", str(self._ports["redis"]), "--dir", str(self.folder)]
        self._launch("redis", [*service.command, *where])

    def _start_pooler(self) -> None:
        place = self.folder / "pooler"
        place.mkdir()
        settings = self.compose.config("pgbouncer.ini")
        for theirs, ours in (
            ("host=postgres port=5432", f"host={LOOPBACK} port={self.postgres.port}"),
            ("listen_addr = *", f"listen_addr = {LOOPBACK}\nunix_socket_dir =\nadmin_users = airflow"),
            ("listen_port = 6432", f"listen_port = {self._ports['pooler']}"),
            ("/etc/pgbouncer", str(place)),
        ):
            assert theirs in settings
            settings = settings.replace(theirs, ours)
        (place / "bridle.ini").write_text(settings)
        (place / "users.txt").write_text(self.compose.config("pgbouncer-users"))
        argv = [str(shutil.which("pgbouncer")), "-q"]
        if os.geteuid() == 0:  # it refuses to run as root
            nobody = pwd.getpwnam("nobody")
            for path in (place, *place.iterdir()):
                os.chown(path, nobody.pw_uid, -1)
            argv += ["-u", "nobody"]
        self._launch("pgbouncer", [*argv, str(place / "bridle.ini")])

    def _run_init(self) -> None:
        service = self.compose.services["airflow-init"]
        argv = [self._local(word) for word in service.command]
        with (self.folder / "logs" / "airflow-init.log").open("wb") as log:
            done = subprocess.run(
                argv, env=self._environment("airflow-init"), stdout=log, stderr=log, check=False
            )
        assert done.returncode == 0, (self.folder / "logs" / "airflow-init.log").read_text()[-3000:]

    def _start_airflow(self, name: str, env: Mapping[str, str]) -> None:
        more = ["--skip-serve-logs"] if name == "airflow-scheduler" else []
        self._launch(name, [*self._airflow(name), *more], env)

    def _airflow(self, name: str) -> list[str]:
        # the image's entrypoint
        return [sys.executable, "-m", "airflow", *self.compose.services[_service(name)].command]

    def _launch(self, name: str, argv: list[str], env: Mapping[str, str] | None = None) -> None:
        assert threading.current_thread() is threading.main_thread(), "what a thread starts dies with it"
        log = self.folder / "logs" / f"{name}.log"
        component = Component(name, argv, {**self._environment(name), **(env or {})}, log)
        self.components[name] = component
        component.start()

    def _environment(self, name: str) -> dict[str, str]:
        """The service's own environment, as it is here."""
        own = self.compose.services[_service(name)].environment
        machine = WORKERS.get(name.removesuffix("-logs"), LOOPBACK)
        home = self.folder / "homes" / machine
        self._prepare(home)
        return {
            **{key: self._local(value, home) for key, value in own.items()},
            **_FAST,
            **self._env,
            MARKER: str(self.folder),
            "MACHINE": machine,
            "HOSTNAME": machine,
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._shared["dags"]),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self._ports["logs"]),
            "AIRFLOW__API__PORT": str(self._ports["api"]),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self._ports["health"]),
            "PYTHONPATH": str(self.folder),
            "PATH": os.pathsep.join([str(_BIN), os.environ.get("PATH", os.defpath)]),
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    def _prepare(self, home: Path) -> None:
        """What the image has in its AIRFLOW_HOME."""
        if home.exists():
            return
        (home / "config").mkdir(parents=True)
        written = re.search(r"printf '(from bridle.*)' > config/airflow_local_settings.py", _dockerfile())
        assert written is not None
        (home / "config" / "airflow_local_settings.py").write_text(written[1].replace("\\n", "\n"))

    def _local(self, value: str, home: Path | None = None) -> str:
        """Compose's names, as they are here."""
        for theirs, ours in (
            ("@pgbouncer:6432", f"@{LOOPBACK}:{self._ports['pooler']}"),
            ("@postgres:5432", f"@{LOOPBACK}:{self.postgres.port}"),
            ("@redis:6379", f"@{LOOPBACK}:{self._ports['redis']}"),
            ("airflow-apiserver:8080", f"{LOOPBACK}:{self._ports['api']}"),
            ("127.0.0.1:8080", f"{LOOPBACK}:{self._ports['api']}"),
            ("127.0.0.1/6432", f"{LOOPBACK}/{self._ports['pooler']}"),
            ("127.0.0.1:8974", f"{LOOPBACK}:{self._ports['health']}"),
            *((f"/opt/airflow/{name}", str(path)) for name, path in self._shared.items()),
            *([("/opt/airflow/", f"{home}/")] if home else []),
        ):
            value = value.replace(theirs, ours)
        return value


@contextmanager
def machines_of(*, dags: Path, include: Path, env: Mapping[str, str]) -> Iterator[Machines]:
    """Start everything; nothing is left afterwards."""
    with TemporaryDirectory(prefix="bridle-machines-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        with Machines(folder / "machines", dags=dags, include=include, env=env) as machines:
            yield machines


def _service(name: str) -> str:
    """The service that a process belongs to: `airflow-worker-2-logs` to `airflow-worker`."""
    return re.sub(r"-\d.*$", "", name)


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")
