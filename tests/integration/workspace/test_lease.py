"""A folder belongs to a process for as long as that lives, and not a moment longer."""

import os
import subprocess
import sys

from bridle.workspace.lease import held, is_abandoned

HOLD = """
import pathlib, sys, time
from bridle.workspace.lease import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
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


def test_a_folder_that_was_just_removed_is_no_error(tmp_path):
    assert not is_abandoned(tmp_path / "gone")
