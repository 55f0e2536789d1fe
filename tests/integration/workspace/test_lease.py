"""A folder belongs to a process for as long as that lives, and not a moment longer."""

import os
import subprocess
import sys
import time

import pytest

from bridle.workspace.lease import held, is_abandoned
from bridle.workspace.leftovers import sweep_host
from bridle.workspace.removal import clear

HOLD = """
import pathlib, sys, time
from bridle.workspace.lease import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
SWEEP = """
import pathlib, sys
from bridle.workspace.leftovers import sweep_host
while True:
    for name in sweep_host(pathlib.Path(sys.argv[1])):
        print(name, flush=True)
"""


def test_a_folder_is_abandoned_when_its_process_was_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout.readline() == b"held\n"
        assert not is_abandoned(tmp_path)
        owner.kill()
    assert is_abandoned(tmp_path)


def test_a_container_that_is_gone_leaves_nothing_to_this_kernel(tmp_path):
    """Another host name, the same boot: its lock can be believed."""
    with held(tmp_path):
        host = tmp_path / "host"
        host.write_text("0123456789ab\n" + host.read_text().splitlines()[1])
        assert not is_abandoned(tmp_path)
    assert is_abandoned(tmp_path)


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path):
    assert not is_abandoned(tmp_path)
    os.utime(tmp_path, (0, 0))
    assert is_abandoned(tmp_path)


def test_half_a_removal_is_gone_a_day_later(tmp_path):
    """Whoever removed it was killed between the lock and the marker; at that moment it might go on yet."""
    with held(tmp_path):
        (tmp_path / "lock").unlink()
    assert not is_abandoned(tmp_path)
    os.utime(tmp_path, (0, 0))
    assert is_abandoned(tmp_path)


def test_a_folder_that_was_just_removed_is_no_error(tmp_path):
    assert not is_abandoned(tmp_path / "gone")


def test_an_owner_removes_its_folder_undisturbed_however_many_sweeps_come_by(tmp_path):
    """Each session that starts sweeps its host, while others end there: none may take those for dead."""
    root = tmp_path / "sessions"
    root.mkdir()
    command = [sys.executable, "-c", SWEEP, str(tmp_path)]
    sweepers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        (root / "of-the-dead").mkdir()
        with held(root / "of-the-dead"):
            pass
        while (root / "of-the-dead").exists():  # until both are at work
            time.sleep(0.01)
        for number in range(2000):
            folder = root / f"session-{number}"
            (folder / "tree").mkdir(parents=True)
            with held(folder):
                (folder / "index").write_text("x")
                assert clear(folder), f"somebody else removed {folder.name}, or part of it"
    finally:
        for sweeper in sweepers:
            sweeper.kill()
    swept = [name for sweeper in sweepers for name in sweeper.communicate()[0].split()]
    assert swept == ["of-the-dead"]
    assert list(root.iterdir()) == []


def test_what_cannot_be_removed_now_stays_for_a_later_sweep_and_fails_nobody(tmp_path):
    folder = tmp_path / "sessions" / "session"
    (folder / "tree").mkdir(parents=True)
    with held(folder):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "none", folder / "tree"], check=False)
        if mounted.returncode != 0:
            pytest.skip("nothing can be mounted here")
        try:
            assert not clear(folder)
        finally:
            subprocess.run(["umount", folder / "tree"], check=True)
    assert sweep_host(tmp_path) == ["session"]
