import os
import subprocess
import sys
import textwrap
import time

import pytest

from bridle.errors import ConfigError, RepositoryError
from bridle.workspace.git import git, require_git, run, text
from bridle.workspace.patch import DiffStat, FileChange, Patch
from patience import until
from processes import found


@pytest.fixture
def bare(tmp_path):
    git("init", "--quiet", "--bare", git_dir=tmp_path)
    return tmp_path


def test_a_failure_says_which_command_where_and_gits_words(bare):
    with pytest.raises(
        RepositoryError, match=rf"git cat-file in {bare} ended with 128: .*Not a valid object"
    ):
        git("cat-file", "-p", "nothing", git_dir=bare)


def test_a_git_that_takes_too_long_is_ended_with_all_it_started(bare, tmp_path):
    hang = tmp_path / "hang"
    hang.write_text("#!/bin/sh\nsleep 200 & echo $! > pid\nwait\n")
    hang.chmod(0o755)
    pid = bare / "pid"
    pid.touch()
    begun = time.monotonic()
    for seconds in (0.3, 3, 30):  # a busy machine may not come to start it in so little time
        with pytest.raises(RepositoryError, match=rf"longer than {seconds:g} s"):
            run("-c", f"alias.hang=!{hang}", "hang", git_dir=bare, timeout_seconds=seconds)
        if pid.read_text():
            break
    assert time.monotonic() - begun < 150, "it waits for what git has started"
    until("what it has started has ended", lambda: not found(lambda it: it.pid == int(pid.read_text())))


def test_git_is_never_asked_for_anything_by_prompt(bare):
    done = run("credential", "fill", git_dir=bare, stdin=b"protocol=https\nhost=example.org\n\n")
    assert done.exit_code != 0


def test_a_program_as_a_remote_is_refused(bare, tmp_path):
    done = run("ls-remote", f"ext::sh -c 'touch% {tmp_path}/SPRUNG'", git_dir=bare)
    assert done.exit_code != 0
    assert not (tmp_path / "SPRUNG").exists()


@pytest.mark.parametrize("says", ["git version 2.30.1", None])
def test_a_missing_or_old_git_is_an_error_that_says_which_is_needed(tmp_path, says):
    if says:
        fake = tmp_path / "git"
        fake.write_text(f"#!/bin/sh\necho {says}\n")
        fake.chmod(0o755)
    program = textwrap.dedent("""
        from bridle.errors import ConfigError
        from bridle.workspace.git import require_git
        try:
            require_git()
        except ConfigError as error:
            print(error)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "install git 2.39 or newer" in done.stdout


def test_this_hosts_git_is_new_enough():
    assert require_git() >= (2, 39)
    assert issubclass(ConfigError, Exception)


def test_bytes_of_git_become_text_that_a_database_takes():
    assert text(b"caf\xe9\x00\xff") == "caf\\xe9\\x00\\xff"
    assert text("größe".encode()) == "größe"


def test_the_size_of_a_patch_is_the_sum_of_its_files():
    files = tuple(FileChange(name, "M", added, 1, "100644", "100644") for name, added in (("a", 2), ("b", 3)))
    patch = Patch("b", "h", "", files, "")
    assert patch.stat == DiffStat(2, 5, 2)
    assert str(patch.stat) == "2 files (+5 -2)"
    assert patch
    assert not Patch("b", "h", "", (), "")
