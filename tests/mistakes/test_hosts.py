"""What a host may lack: git, a new one, room on its disk, a loopback, a port."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from mistakes_book import entry, keep
from mistakes_scene import Scene, Told, without

from bridle.workspace.fingerprint import fingerprint

ELSEWHERE = Path(__file__).with_name("mistakes_elsewhere.py")
BRIDLE = Path(sys.executable).parent / "bridle"


def elsewhere(act: str, *, within: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Told:
    """The error of a step in a process of its own."""
    done = subprocess.run(
        [*within, sys.executable, str(ELSEWHERE), act],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.stdout, done.stderr
    return Told(**json.loads(done.stdout.splitlines()[-1]))


def works(*argv: str) -> bool:
    """Whether this host can do without a part of itself."""
    return bool(shutil.which(argv[0])) and not subprocess.call([*argv, "true"])


def test_a_host_without_git(scene: Scene, request: pytest.FixtureRequest) -> None:
    scene.write()
    told = elsewhere("fetch", env={"PATH": without(scene.folder / "bin", "git")})
    assert "install git" in told.message
    assert scene.left_behind() == []
    keep(request, "git-missing", entry("A host without git", told, scene.folder))


def test_a_host_with_an_old_git(scene: Scene, request: pytest.FixtureRequest) -> None:
    scene.write()
    path = Path(without(scene.folder / "bin", "git"))
    (path / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (path / "git").chmod(0o755)
    told = elsewhere("fetch", env={"PATH": str(path)})
    assert "2.20.1 is too old; install git 2.39" in told.message
    assert scene.left_behind() == []
    keep(request, "git-old", entry("A host whose git is too old", told, scene.folder))


def test_a_full_disk(scene: Scene, request: pytest.FixtureRequest) -> None:
    """Git finds out first; what it has half written is its own to remove."""
    scene.user.commit({"large.bin": os.urandom(900_000)})
    scene.before = fingerprint(scene.user.path)
    scene.write()
    scene.home.mkdir()
    small = ("bwrap", "--dev-bind", "/", "/", "--size", "400000", "--tmpfs", str(scene.home))
    if not works(*small):
        pytest.skip("no small file system can be made here")
    told = elsewhere("fetch", within=small)
    assert "disk is full" in told.message
    assert "make room" in told.message
    assert scene.left_behind() == []
    assert scene.spent() == 0
    keep(request, "disk-full", entry("A full disk", told, scene.folder))


def test_a_host_that_lets_nobody_listen(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A new network namespace has a loopback that is down."""
    if not works("unshare", "--user", "--map-root-user", "--net"):
        pytest.skip("no host without a loopback can be made here")
    told = elsewhere("gateway", within=("unshare", "--user", "--map-root-user", "--net"))
    assert "bridle doctor" in told.message
    keep(request, "loopback-blocked", entry("A host whose loopback is blocked", told, tmp_path))


def test_a_port_that_is_taken(request: pytest.FixtureRequest) -> None:
    """One line, exit code 1, and no process is left."""
    # not pytest's own folder: for root it is closed to the lesser user that PostgreSQL runs as
    folder = Path(f"/tmp/bridle-taken-{os.getpid()}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [BRIDLE, "up", "--state", str(folder), "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    try:
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if line.startswith("bridle: ")]
        assert len(said) == 1, done.stderr
        status = subprocess.run([BRIDLE, "status", "--state", str(folder)], capture_output=True, check=False)
        assert b"not up" in status.stdout
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = Told("StackError", said[0].removeprefix("bridle: "), again=False)
    assert f"port {port}" in told.message
    keep(request, "port-taken", entry("`bridle up` with a port that is taken", told, folder))
