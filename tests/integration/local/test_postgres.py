"""The embedded PostgreSQL: real, private, and never lost."""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest

from bridle.errors import ConfigError
from bridle.local.ports import is_free
from bridle.local.postgres import Postgres
from processes import alive


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the lesser user which root's server runs as may enter."""
    with TemporaryDirectory(prefix="bridle-test-") as path:
        Path(path).chmod(0o711)
        yield Path(path) / "postgres"


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=60)


def table(server: Postgres) -> list[tuple[object, ...]]:
    with connect(server.url("kept")) as connection:
        return connection.execute("select n from numbers order by n").fetchall()


def fill(server: Postgres) -> None:
    server.create_database("kept")
    with connect(server.url("kept")) as connection:
        connection.execute("create table numbers (n int)")
        connection.execute("insert into numbers values (1), (2)")


def test_data_outlives_a_restart(folder: Path) -> None:
    with Postgres(folder, fast=True) as server:
        fill(server)
    with Postgres(folder, fast=True) as server:
        assert table(server) == [(1,), (2,)]


def test_data_outlives_a_start_on_a_full_disk(folder: Path) -> None:
    """The password is in one file, which each start writes anew."""
    with Postgres(folder, fast=True) as server:
        fill(server)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            Postgres(folder, fast=True).start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Postgres(folder, fast=True) as server:
        assert table(server) == [(1,), (2,)]


def test_data_outlives_kill_9_of_the_server(folder: Path) -> None:
    with Postgres(folder) as server:
        fill(server)
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        server.start()
        assert table(server) == [(1,), (2,)]


def test_stop_leaves_no_process_and_frees_the_port(folder: Path) -> None:
    with Postgres(folder, fast=True) as server:
        assert server.process is not None
        postmaster = psutil.Process(server.process.pid)
        family = [postmaster, *postmaster.children()]
        port = server.port
    assert not any(alive(process) for process in family)
    assert is_free(port)


def test_server_of_a_killed_owner_ends_and_the_next_owner_starts_on_its_data(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from bridle.local.postgres import Postgres;"
        "p = Postgres(Path(sys.argv[1])); p.start(); p.create_database('kept');"
        "print(p.process.pid, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    orphan = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.communicate()
    with Postgres(folder) as server:
        assert server.create_database("kept") is False
        assert not alive(orphan)


def test_wrong_password_is_refused(folder: Path) -> None:
    with Postgres(folder, fast=True) as server:
        host = f"postgresql://bridle:wrong@127.0.0.1:{server.port}/postgres"
        with pytest.raises(psycopg.OperationalError, match="password"):
            connect(host)


def test_listens_on_the_loopback_only_and_has_no_socket_file(folder: Path) -> None:
    with Postgres(folder, fast=True) as server:
        assert server.process is not None
        listening = [
            c.laddr for c in psutil.Process(server.process.pid).net_connections() if c.status == "LISTEN"
        ]
        assert [(a.ip, a.port) for a in listening] == [("127.0.0.1", server.port)]


def test_password_is_for_the_owner_only(folder: Path) -> None:
    with Postgres(folder, fast=True):
        assert stat.S_IMODE((folder / "postgres.json").stat().st_mode) == 0o600
        assert not (folder / "password.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has to become somebody else")
def test_as_root_a_closed_folder_is_served_without_opening_it(tmp_path: Path) -> None:
    """No user is made, and no mode above the folder changes; where namespaces are forbidden it says so."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    try:
        with Postgres(closed / "postgres", fast=True) as server:
            connect(server.url()).close()
    except ConfigError as refused:
        assert "cannot run as root" in str(refused)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_half_made_data_is_made_anew(folder: Path) -> None:
    (folder / "data.new").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")
    with Postgres(folder, fast=True) as server:
        connect(server.url()).close()


def test_two_servers_do_not_meet(folder: Path) -> None:
    with Postgres(folder / "a", fast=True) as one, Postgres(folder / "b", fast=True) as other:
        assert one.port != other.port
