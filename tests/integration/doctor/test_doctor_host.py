"""What the doctor says of a host: sandbox, loopback, folders, disk."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from doctor_clinic import BRIDLE, HERE, Seen, Told, doctor, environment, instead, without

from bridle.doctor.host import UI_PORT, ports
from bridle.doctor.patient import Patient
from bridle.local.report import Report
from bridle.process.strength import detect

NO_SANDBOX = "sessions with live models are refused"


def asked(folder: Path, *within: str, program: tuple[str, ...] = (BRIDLE,), **more: str) -> Told:
    """What is said of a host with an Airflow in `folder`, whose `[bridle] home` is `folder`/home."""
    places = {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__BRIDLE__HOME": str(folder / "home")}
    return doctor(folder, environment(folder, **(places | more)), within=within, program=program)


def works(*within: str) -> None:
    """Skip the test where this host cannot be done without a part of itself like this."""
    if not shutil.which(within[0]) or subprocess.call([*within, "true"], stderr=subprocess.DEVNULL):
        pytest.skip(f"`{' '.join(within[:4])} …` does not work on this host")


@pytest.fixture(scope="module")
def neglected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A host where everything is wrong that a user can set, or leave open, at once."""
    folder = tmp_path_factory.mktemp("neglected")
    for name in ("airflow", "home", "x" * 80):
        (folder / name).mkdir()
    (folder / "home").chmod(0o777)
    (folder / "airflow" / "airflow.cfg").touch(mode=0o644)
    with ExitStack() as stack:
        with suppress(OSError):  # whoever has it already does as well
            stack.enter_context(socket.create_server(("127.0.0.1", UI_PORT)))
        yield asked(
            folder,
            TMPDIR=str(folder / ("x" * 80)),
            BRIDLE_PG_BIN="/nowhere",
            AIRFLOW__BRIDLE__ISOLATION="none",
        )


@pytest.mark.parametrize(
    "seen",
    [
        Seen("sandbox", "fail", ("isolation is `none`", NO_SANDBOX), "unset [bridle] isolation"),
        Seen("PostgreSQL", "warn", ("BRIDLE_PG_BIN=/nowhere",), "airflow-bridle[local]"),
        Seen("socket", "fail", ("TMPDIR=", "too long for a socket"), "a shorter TMPDIR"),
        Seen("port of the UI", "warn", (f"{UI_PORT} is taken",), "--port"),
        Seen("home", "fail", ("everybody may write", "/home"), "chmod o-w "),
        Seen("secrets", "warn", ("airflow.cfg can be read by others",), "chmod 600 "),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_host_is_told_with_a_remedy(neglected: Told, seen: Seen) -> None:
    neglected.check(seen)


@pytest.mark.parametrize(
    ("script", "settings", "seen"),
    [
        ("", {}, Seen("sandbox", "fail", ("`bwrap` is not installed", NO_SANDBOX), "apt install bubblewrap")),
        (
            "echo bwrap: setting up uid map: Permission denied >&2; exit 1",
            {"ISOLATION": "sandbox"},
            Seen("sandbox", "fail", ("asks for it", "uid map: Permission denied"), "user namespaces"),
        ),
        (
            "",
            {"ALLOW_UNSANDBOXED": "True"},
            Seen("sandbox", "warn", ("`bwrap` is not installed", "isolation is `"), "apt install bubblewrap"),
        ),
        (
            "",
            {"ALLOW_UNSANDBOXED": "True", "ISOLATION": "none"},
            Seen("sandbox", "warn", ("[bridle] isolation is `none`",), "unset [bridle] isolation"),
        ),
    ],
    ids=["missing", "failing", "missing and allowed", "switched off and allowed"],
)
def test_a_host_without_a_sandbox_is_told_why_and_what_it_means(
    tmp_path: Path, script: str, settings: dict[str, str], seen: Seen
) -> None:
    path = instead(tmp_path / "bin", "bwrap", script) if script else without(tmp_path / "bin", "bwrap")
    given = {f"AIRFLOW__BRIDLE__{name}": value for name, value in settings.items()}
    asked(tmp_path, program=HERE, PATH=path, **given).check(seen)


def test_a_loopback_that_is_blocked_is_told(tmp_path: Path) -> None:
    """A new network namespace has a loopback that is down."""
    blocked = ("unshare", "--user", "--map-root-user", "--net")
    works(*blocked)
    seen = Seen("loopback", "fail", ("127.0.0.1 cannot be used", "unreachable"), "talk on the loopback")
    asked(tmp_path, *blocked).check(seen)


def test_an_api_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    report = Report("ready", "", os.getpid(), 0.0, url)
    (found,) = [each for each in ports(Patient(tmp_path, report, True)) if each.what == "Airflow's API"]
    assert (found.verdict, found.said.startswith(f"{url}: ")) == ("fail", True)
    assert "logs/api-server.log" in found.remedy


@pytest.mark.parametrize(
    ("home", "because"), [("", ""), ("/below", ""), ("/closed/home", "/closed")], ids=["it", "above", "way"]
)
def test_a_home_that_tasks_cannot_write_is_told(tmp_path: Path, home: str, because: str) -> None:
    """Somebody else's folder, asked by a user who is not root, or is root without its rights."""
    place = tmp_path / "theirs"
    (place / "closed" / "home").mkdir(parents=True)
    within = unprivileged(place)
    told = asked(tmp_path, *within, AIRFLOW__BRIDLE__HOME=f"{place}{home}")
    for folder in (place, place / "closed"):
        folder.chmod(0o755)  # pytest removes it
    because = f"because of {place}{because}"
    told.check(Seen("home", "fail", (f"{place}{home} cannot be written", because), "set [bridle] home"))
    assert told.about("disk")["verdict"] != "unseen"


def unprivileged(place: Path) -> tuple[str, ...]:
    """Take the rights to `place` away; the command line that starts somebody who has none but those."""
    if os.geteuid():
        (place / "closed").chmod(0)
        place.chmod(0o555)
        return ()
    within = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    works(*within)
    nobody = 65534
    for folder in (place / "closed", place):
        os.chown(folder, nobody, nobody)
    (place / "closed").chmod(0o700)
    return within


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ("size=200k", ("fail", "0.0 GiB free at ", "make room")),
        ("size=2g", ("warn", "2.0 GiB free at ", "make room, or move ")),
        ("size=9g,nr_inodes=500", ("fail", "new files (inodes)", "remove files there")),
    ],
    ids=["full", "low", "no inodes"],
)
def test_a_disk_without_room_is_told(tmp_path: Path, options: str, seen: tuple[str, str, str]) -> None:
    """Both file systems are real and as small as said; they are gone with the process that made them."""
    verdict, said, remedy = seen
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    for folder in (home, temporary):
        folder.mkdir()
    mounts = " && ".join(f"mount -t tmpfs -o {options} small {folder}" for folder in (home, temporary))
    small = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")
    works(*small)
    told = asked(tmp_path, *small, TMPDIR=str(temporary))
    told.check(Seen("disk", verdict, (said, str(home)), remedy))
    told.check(Seen("temporary files", verdict, (said, str(temporary)), remedy))


def test_what_is_well_with_a_host_is_well(tmp_path: Path) -> None:
    told = asked(tmp_path, program=HERE)
    told.check(Seen("loopback", "ok", ("can listen, and be reached",)))
    told.check(Seen("home", "ok", ("made when it is needed",)))
    if detect().works[0] == "sandbox":
        told.check(Seen("sandbox", "ok", ("bubblewrap works",)))
    assert "secrets" not in {finding["what"] for finding in told.findings}
