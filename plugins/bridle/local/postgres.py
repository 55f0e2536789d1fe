"""A PostgreSQL server of our own: real, on loopback TCP with a password, its life tied to ours."""

import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg
from psycopg import sql

from bridle.errors import StackError
from bridle.local.account import Account, unprivileged
from bridle.local.binaries import postgres_bin
from bridle.local.files import write_private
from bridle.local.ports import free_port
from bridle.local.postmaster import clear_way
from bridle.local.tether import tether

_USER = "bridle"
_DURABLE = {"fsync": "on"}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """One server in one folder; made on first `start`, started again on its data afterwards.

    A context manager. Start it from the main thread: the server is stopped (cleanly) by the kernel when that
    thread's process dies.

    Args:
        folder: holds the data, the log and the password; made when missing.
        port: TCP port on 127.0.0.1; default: the one of last time when it is free, else any.
        fast: give up durability for speed; for tests.
    """

    def __init__(self, folder: Path, *, port: int | None = None, fast: bool = False) -> None:
        self.folder = folder.resolve()
        self.fast = fast
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._given_port = port
        self._password = ""

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.folder / "postgres.log"

    @property
    def running(self) -> bool:
        """Whether the server that this object started is alive."""
        return self.process is not None and self.process.poll() is None

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL (psycopg 3) of `database`; `start` first."""
        return f"postgresql+psycopg://{_USER}:{quote(self._password)}@127.0.0.1:{self.port}/{database}"

    def start(self, *, timeout_seconds: float = 60) -> None:
        """Start the server and wait until it answers.

        Makes the data folder when there is none. A server that an earlier, killed owner left on this data is
        stopped first.

        Raises:
            StackError: it cannot run here; the message has the log's end.
        """
        if self.running:
            return
        programs = postgres_bin()
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.folder.chmod(0o711)  # the server's user passes through to its data; nobody else can list
        data = self.folder / "data"
        account = unprivileged(programs, self.folder, data=data)
        if not (data / "PG_VERSION").exists():
            self._create(programs, account, data)
        clear_way(data)
        known = json.loads(self._secret_file.read_text())
        self._password = known["password"]
        self.port = self._given_port or free_port(known.get("port"))
        self._write_secret()
        settings = _SETTINGS | (_FAST if self.fast else _DURABLE) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*account.wrapper, str(programs / "postgres"), "-D", str(data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=data if account.user is None else "/",
                env=_environment(),
                user=account.user,
                group=account.group,
                extra_groups=[] if account.user is not None else None,
                start_new_session=True,
                preexec_fn=tether(signal.SIGINT),  # noqa: PLW1509 (two system calls, no lock taken)
            )
        self._wait_until_it_answers(timeout_seconds)

    def stop(self, *, grace_seconds: float = 10) -> None:
        """End the server: cleanly, and by force when it takes longer than `grace_seconds`."""
        if self.process is None:
            return
        for request, seconds in (
            (signal.SIGINT, grace_seconds),
            (signal.SIGQUIT, 3.0),
            (signal.SIGKILL, 5.0),
        ):
            if self.process.poll() is not None:
                break
            self.process.send_signal(request)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self.process = None

    def create_database(self, name: str, *, like: str | None = None) -> bool:
        """Make the database `name`, a copy of `like`, unless it is there; returns whether it was made."""
        with self._connect() as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return False
            original = sql.Identifier(like or "template1")
            connection.execute(
                # for a server without durability it is the faster one
                sql.SQL("create database {} template {}{}").format(
                    sql.Identifier(name), original, sql.SQL(" strategy file_copy" if self.fast else "")
                )
            )
            return True

    def create_login(self, name: str, password: str, *, member_of: str) -> None:
        """Make sure that the role `name` may log in, and has the rights of `member_of`."""
        with self._connect() as connection:
            there = {row[0] for row in connection.execute("select rolname from pg_roles")}
            for role in {member_of, name} - there:
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL("alter role {} login password {}").format(sql.Identifier(name), sql.Literal(password))
            )
            connection.execute(
                sql.SQL("grant {} to {}").format(sql.Identifier(member_of), sql.Identifier(name))
            )

    def drop_database(self, name: str) -> None:
        """Drop the database `name`, whoever is connected to it."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def __enter__(self) -> "Postgres":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _secret_file(self) -> Path:
        return self.folder / "postgres.json"

    def _write_secret(self) -> None:
        # nobody else knows the password: a full disk or a kill must leave the old file
        write_private(self._secret_file, json.dumps({"password": self._password, "port": self.port}))

    def _create(self, programs: Path, account: Account, data: Path) -> None:
        self._password = secrets.token_urlsafe(24)
        # initdb makes its folder ready or not at all, so that a kill in between is no half-made server
        draft = self.folder / "data.new"
        if draft.exists():
            subprocess.run(["rm", "-rf", "--", str(draft)], check=True)
        draft.mkdir(mode=0o700)
        password_file = self.folder / "password.new"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        account.own(draft)
        account.own(password_file)
        done = subprocess.run(
            [
                *account.wrapper,
                *(str(programs / "initdb"), "-D", str(draft), "-U", _USER, "-E", "UTF8", "--locale=C"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}"),
                *(["--no-sync"] if self.fast else []),
            ],
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            user=account.user,
            group=account.group,
            extra_groups=[] if account.user is not None else None,
            check=False,
        )
        password_file.unlink()
        if done.returncode != 0:
            raise StackError(
                f"initdb failed in {self.folder}: {(done.stderr or done.stdout).strip()[-1000:]}"
            )
        self._write_secret()
        draft.rename(data)

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=_USER,
            password=self._password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _wait_until_it_answers(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while True:
            if not self.running:
                raise StackError(f"PostgreSQL did not start in {self.folder}: {self._log_tail()}")
            try:
                self._connect().close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    self.stop(grace_seconds=1)
                    raise StackError(
                        f"PostgreSQL in {self.folder} does not answer after {timeout_seconds:.0f} s: {error}"
                    ) from error
                time.sleep(0.02)
            else:
                return

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace").strip()[-1000:]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
