"""Airflow's API server alone, with Bridle's pages and an empty ledger: no scheduler, no tasks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from sqlalchemy import URL, make_url

from bridle.config.starter import starter_dir
from bridle.ledger import migrate
from bridle.local.environment import Addresses, airflow_environment
from bridle.local.files import write_private
from bridle.local.folder import StateFolder
from bridle.local.keys import Keys
from bridle.local.options import StackOptions
from bridle.local.ports import free_port
from bridle.local.postgres import Postgres
from bridle.testing.ledger import url_for_tasks

_AIRFLOW = (sys.executable, "-m", "airflow")
_READY_SECONDS = 240
_GRACE_SECONDS = 3


class ApiServer:
    """A running API server, as a context manager; its two databases are dropped afterwards.

    Args:
        postgres: a running server.
        folder: of its own, for AIRFLOW_HOME and logs.
        dags: folder of DAG files, read once.
        users: name to role, as in `[core] simple_auth_manager_users`; a user's password is the name.
        env: extra variables.
    """

    def __init__(
        self,
        postgres: Postgres,
        folder: Path,
        *,
        dags: Path,
        users: Mapping[str, str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._postgres = postgres
        self._folder = StateFolder(folder)
        self._dags = dags
        self._users = users
        self._extra = env or {}
        self._databases = [f"{name}_{free_port()}" for name in ("airflow", "ledger")]
        self._process: subprocess.Popen[bytes] | None = None
        self.metadata_url, self.ledger_url = map(postgres.url, self._databases)
        self.task_url = ""
        """Of the ledger, with the rights of tasks."""
        self.url = ""
        """Of the UI and both APIs."""

    def __enter__(self) -> Self:
        for name in self._databases:
            self._postgres.create_database(name)
        migrate.upgrade(self.ledger_url)
        self.task_url = url_for_tasks(self.ledger_url)
        self._folder.prepare()
        settings = self._folder.airflow_home / "config" / "airflow_local_settings.py"
        settings.write_text("from bridle import preload\n\npreload.install()\n", encoding="utf-8")
        passwords = json.dumps({name: name for name in self._users})
        write_private(self._folder.passwords, passwords)
        port = free_port()
        env = self._environment(port)
        self._run(env, "db", "migrate")
        self._run(env, "dags", "reserialize")
        self.url = f"http://127.0.0.1:{port}"
        with self._folder.log("api-server").open("ab") as log:
            self._process = subprocess.Popen(
                [*_AIRFLOW, "api-server"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for name in self._databases:
            self._postgres.drop_database(name)

    def login(self, user: str) -> httpx.Client:
        """A client with a user's token."""
        login = {"username": user, "password": user}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=30, trust_env=False)
        answer.raise_for_status()
        token = answer.json()["access_token"]
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )

    def log(self) -> str:
        """What the server has logged, its last lines."""
        return self._folder.log_tail("api-server", lines=60)

    def _environment(self, port: int) -> dict[str, str]:
        url, ledger = make_url(self.metadata_url), make_url(self.task_url)
        addresses = Addresses(
            port=port, metadata=_plain(url), ledger=self.ledger_url, ledger_for_tasks=_plain(ledger)
        )
        users = ",".join(f"{name}:{role}" for name, role in self._users.items())
        own = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users, **self._extra}
        options = StackOptions(dags=self._dags, include=starter_dir() / "include", env=own)
        keys = Keys.load(self._folder.keys)
        return airflow_environment(self._folder, options, keys, addresses, base=os.environ)

    def _run(self, env: Mapping[str, str], *arguments: str) -> None:
        log = self._folder.log("setup")
        with log.open("ab") as out:
            done = subprocess.run([*_AIRFLOW, *arguments], env=dict(env), stdout=out, stderr=out, check=False)
        if done.returncode:
            raise RuntimeError(f"airflow {_said(arguments)} failed:\n{self._folder.log_tail('setup', 40)}")

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                with httpx.Client(trust_env=False, timeout=5) as client:
                    if client.get(f"{self.url}/api/v2/monitor/health").is_success:
                        return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"the API server is not ready:\n{self.log()}")


def _plain(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _said(arguments: Sequence[str]) -> str:
    return " ".join(arguments)
