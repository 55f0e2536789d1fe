"""Repositories with something unusual work, and the log of `fetch_issue` says what to know."""

import os
import subprocess

import pytest
from mistakes_scene import Scene

from bridle.testing.git_repository import GitRepository, plain_git


def notes(scene: Scene, caplog: pytest.LogCaptureFixture) -> str:
    """What fetching says, after the whole step has worked as well."""
    scene.before = _look(scene)
    fetched = scene.fetch()
    done = scene.session(base=fetched["commit"])
    assert done["outcome"] == "done"
    assert scene.left_behind() == []
    return "\n".join(record.message for record in caplog.records if record.name == "bridle.harness.issue")


def _look(scene: Scene):
    from bridle.workspace.fingerprint import fingerprint

    return fingerprint(scene.user.path)


def test_submodules_stay_as_they_are(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    library = GitRepository(scene.folder / "library", {"l.txt": "l\n"})
    scene.user.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        library.path.as_uri(),
        "vendor/library",
    )
    scene.user.git("commit", "--quiet", "--message", "a submodule")
    scene.repository["checks"] = {"tests": "test -d vendor/library && test ! -e vendor/library/l.txt"}
    assert "vendor/library: submodules stay as they are" in notes(scene, caplog)


def test_lfs_files_are_their_pointers(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"
    scene.user.commit({"big.bin": pointer})
    scene.user.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    scene.repository["checks"] = {"tests": "grep -q git-lfs big.bin"}
    assert "git LFS" in notes(scene, caplog)


def test_names_that_differ_in_case_only_are_both_there(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.user.commit({"Readme.md": "a\n", "README.md": "b\n"})
    scene.repository["checks"] = {"tests": "grep -q a Readme.md && grep -q b README.md"}
    assert "README.md, Readme.md: names that differ in upper and lower case only" in notes(scene, caplog)


def test_names_that_are_no_utf_8_are_kept(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    (scene.user.path / os.fsdecode(b"caf\xe9.txt")).write_text("x\n")
    scene.user.git("add", "--all")
    scene.user.git("commit", "--quiet", "--message", "latin")
    scene.repository["checks"] = {"tests": "ls caf*.txt"}
    assert r"caf\xe9.txt: names that are no UTF-8" in notes(scene, caplog)


def test_a_dirty_index_is_the_users_own(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Agents get what is committed; what is staged or edited stays where it is."""
    (scene.user.path / "a.txt").write_text("staged\n")
    scene.user.git("add", "a.txt")
    (scene.user.path / "a.txt").write_text("edited\n")
    scene.repository["checks"] = {"tests": "grep -qx a a.txt"}
    assert notes(scene, caplog) == ""
    assert scene.user.git("status", "--porcelain") == "MM a.txt\n"


def test_a_long_history_is_fetched_once_and_copied_to_no_clone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    stream = b"".join(
        b"commit refs/heads/main\ncommitter U <u@e> %d +0000\ndata 1\nx" % (1_600_000_000 + number)
        + (b"\nfrom refs/heads/main^0" if number == 0 else b"")
        + b"\nM 100644 inline n.txt\ndata %d\n%d\n" % (len(str(number)), number)
        for number in range(5000)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=scene.user.path, input=stream, check=True)
    plain_git(scene.user.path, "reset", "--hard", "--quiet")
    scene.repository["checks"] = {
        "tests": "test $(git rev-list --count HEAD) -gt 5000 && test $(du -sk .git | cut -f1) -lt 500"
    }
    assert notes(scene, caplog) == ""
