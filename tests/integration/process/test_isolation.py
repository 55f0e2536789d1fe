"""What a command can see and touch under each isolation."""

import os
import socket
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

import bridle
from bridle.process.child import run
from bridle.process.sandbox import Isolation, Sandbox
from bridle.process.strength import detect
from patience import PATIENCE

SECRET = "s3cr3t-of-the-task"

LOOK = """
    import os, sys
    from pathlib import Path
    for name, value in os.environ.items():
        print(name, value)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                print((entry / "environ").read_bytes())
            except OSError:
                pass
"""


NOBODY = (65534, 65534)


def works(isolation: Isolation) -> Isolation:
    strength = detect()
    # Another user may be unable to run this Python; the commands of these tests do without.
    possible = strength.works + ((Isolation.USER,) if os.geteuid() == 0 else ())
    if isolation not in possible:
        pytest.skip(f"no {isolation.value} here: {strength.reasons[isolation]}")
    return isolation


def sandbox(isolation: Isolation, folder: Path, **more) -> Sandbox:
    user = NOBODY if isolation is Isolation.USER else detect().user
    return Sandbox(works(isolation), writable=(folder,), user=user, **more)


def shell(command: str, folder: Path, env: dict[str, str], box: Sandbox) -> str:
    return run(
        ["sh", "-c", command], cwd=folder, env=env, timeout_seconds=PATIENCE, sandbox=box
    ).output.decode()


def test_every_level_that_does_not_work_says_why():
    strength = detect()
    assert strength.works[-1] is Isolation.NONE
    assert all(strength.reasons[level] for level in Isolation if level not in strength.works)


@pytest.mark.parametrize("isolation", [Isolation.SANDBOX, Isolation.USER])
def test_no_environment_of_the_task_can_be_read(isolation, folder, tmp_path):
    """Neither one's own, nor through /proc; the task of this test has a secret in its environment."""
    works(isolation)
    user = sandbox(isolation, folder).user
    program = f"""
        import sys
        from pathlib import Path
        from bridle.process.child import run
        from bridle.process.environment import child_environment
        from bridle.process.sandbox import Isolation, Sandbox
        folder = Path({str(folder)!r})
        box = Sandbox(Isolation({isolation.value!r}), writable=(folder,), user={user})
        look = ["python3", "-I", "-S", "-c", {textwrap.dedent(LOOK)!r}]
        env = child_environment(folder / "home")
        finished = run(look, cwd=folder, env=env, timeout_seconds={PATIENCE}, sandbox=box)
        sys.stdout.write(finished.output.decode())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "AIRFLOW_CONN_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "HOME " in done.stdout
    assert SECRET not in done.stdout


def test_without_isolation_the_environment_is_still_an_allow_list(folder, env, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SECRET", SECRET)
    assert SECRET not in shell("env", folder, env, Sandbox())


def test_only_the_sessions_folders_can_be_written(folder, env, tmp_path):
    box = sandbox(Isolation.SANDBOX, folder)
    answer = shell(
        "touch here && echo wrote; touch /usr/there; touch /etc/there; echo x > /tmp/mine", folder, env, box
    )
    assert "wrote" in answer
    assert answer.count("Read-only") + answer.count("Permission denied") == 2
    assert (folder / "here").exists()
    assert not Path("/tmp/mine").exists()


def test_hidden_folders_are_empty_but_the_sessions_own_below_them_are_there(folder, env):
    state = folder / "state"
    session = state / "sessions" / "mine"
    other = state / "sessions" / "other"
    mirror = state / "mirror"
    for place in (session, other, mirror):
        place.mkdir(parents=True)
        (place / "file").write_text("x")
    box = Sandbox(
        works(Isolation.SANDBOX), writable=(session,), readable=(mirror,), hidden=(state,), user=detect().user
    )
    answer = shell(
        f"find {state} -type f | sort; touch {mirror}/new", session, env | {"HOME": str(session)}, box
    )
    assert answer.splitlines()[:2] == [str(mirror / "file"), str(session / "file")]
    assert "Read-only" in answer or "Permission denied" in answer
    assert str(other) not in answer


def test_a_hidden_file_cannot_be_read_wherever_it_is(folder, env):
    """AIRFLOW_CONFIG may lie anywhere, also in a folder that the session needs."""
    mirror, state = folder / "mirror", folder / "state"
    for place in (mirror, state):
        place.mkdir()
        (place / "airflow.cfg").write_text(SECRET)
        (place / "other").write_text("x")
    work = folder / "work"
    work.mkdir()
    box = Sandbox(
        works(Isolation.SANDBOX),
        writable=(work,),
        readable=(mirror,),
        hidden=(state, *(place / "airflow.cfg" for place in (mirror, state, folder)), folder / "nothing"),
        user=detect().user,
    )
    answer = shell(f"cat {mirror}/other; cat {folder}/*/*; ls {state}", work, env, box)
    assert answer.startswith("x")
    assert SECRET not in answer
    assert "other" not in answer.splitlines()


def test_of_an_airflow_home_that_is_the_python_prefix_only_python_is_there(folder, env):
    works(Isolation.SANDBOX)
    home = folder / "airflow"
    venv.create(home, symlinks=True)
    (home / "airflow.cfg").write_text(SECRET)
    (home / "logs").mkdir()
    (home / "logs" / "log").write_text(SECRET)
    program = f"""
        import sys
        from pathlib import Path
        from bridle.process.child import run
        from bridle.process.sandbox import Isolation, Sandbox
        folder, home = Path({str(folder / "work")!r}), Path(sys.prefix)
        folder.mkdir()
        hidden = (home, home / "airflow.cfg")
        box = Sandbox(Isolation.SANDBOX, writable=(folder,), hidden=hidden, user={detect().user})
        look = "import os, sys; print(sys.prefix, sorted(os.listdir(sys.prefix)))"
        for argv in ([sys.executable, "-c", look], ["sh", "-c", f"cat {{home}}/airflow.cfg {{home}}/logs/*"]):
            done = run(argv, cwd=folder, env={env!r}, timeout_seconds=60, sandbox=box)
            print(done.output.decode())
    """
    done = subprocess.run(
        [home / "bin" / "python", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(Path(bridle.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{home} ['bin', 'lib'" in done.stdout.replace("'include', ", "")
    assert "airflow.cfg" not in done.stdout.splitlines()[0]
    assert SECRET not in done.stdout


def test_the_home_of_this_hosts_user_is_hidden(folder, env):
    box = sandbox(Isolation.SANDBOX, folder)
    home = Path.home()
    visible = shell(f"ls -A {home}", folder, env, box).split()
    assert ".ssh" not in visible
    assert ".bashrc" not in visible


def test_other_processes_cannot_be_seen(folder, env):
    box = sandbox(Isolation.SANDBOX, folder)
    answer = shell("ls /proc | grep -c '^[0-9]'", folder, env, box)
    assert int(answer) < 10


def test_there_is_no_network_but_an_own_loopback(folder, env):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 60)"
        inside = run(
            ["python3", "-c", code],
            cwd=folder,
            env=env,
            timeout_seconds=PATIENCE,
            sandbox=sandbox(Isolation.SANDBOX, folder),
        )
        allowed = run(
            ["python3", "-c", code],
            cwd=folder,
            env=env,
            timeout_seconds=PATIENCE,
            sandbox=sandbox(Isolation.SANDBOX, folder, network="host"),
        )
    assert "ConnectionRefused" in inside.tail
    assert allowed.exit_code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can choose another user")
@pytest.mark.parametrize("isolation", [Isolation.SANDBOX, Isolation.USER])
def test_a_task_that_is_root_does_not_run_agents_as_root(isolation, folder, env):
    box = sandbox(isolation, folder)
    (folder / "given").write_text("x")
    answer = shell("id -u; echo y > given && cat given; cat /etc/shadow", folder, env, box)
    assert answer.split()[:2] == ["65534", "y"]
    assert "Permission denied" in answer


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_linked_into_the_clone_is_not_given_away(folder):
    """An agent could link somebody's file into its folder and wait for it to be handed over."""
    theirs = folder / "theirs"
    theirs.write_text("x")
    clone = folder / "clone"
    clone.mkdir()
    (clone / "linked").hardlink_to(theirs)
    (clone / "pointing").symlink_to(theirs)
    Sandbox(Isolation.SANDBOX, writable=(clone,), user=(65534, 65534)).prepare()
    assert theirs.stat().st_uid == 0
    assert clone.stat().st_uid == 65534
