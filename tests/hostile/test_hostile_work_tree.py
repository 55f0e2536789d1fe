"""An agent that attacks the harness through its work tree. The oracle is what reached the outside."""

import os
import shutil
import threading
import time

import pytest

from bridle.errors import RepositoryError
from bridle.testing.git_repository import plain_git
from bridle.workspace.fingerprint import MIRROR_MAY_GROW, fingerprint

pytestmark = pytest.mark.attack


@pytest.fixture
def trap(tmp_path):
    """A program that must never run; leaves a mark when it does."""
    program, mark = tmp_path / "trap.sh", tmp_path / "SPRUNG"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat 2>/dev/null\nexit 0\n")
    program.chmod(0o755)
    yield program
    assert not mark.exists(), "the harness ran the agent's program"


def everything(clone):
    """All that the harness does with a clone."""
    clone.changed()
    clone.checkpoint()
    clone.diff()
    sha = clone.commit("work")
    clone.diff()
    clone.discard()
    return sha


def names(mirror, commit):
    listed = mirror.git("ls-tree", "-r", "-z", "--name-only", commit)
    return {name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0")[:-1]}


def poison(repository, trap):
    """Every way a repository's configuration can start a program."""
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "credential.helper",
        "gpg.program",
        "uploadpack.packObjectsHook",
    ):
        plain_git(repository, "config", key, str(trap))
    plain_git(repository, "config", "commit.gpgSign", "true")
    plain_git(repository, "config", "alias.write-tree", f"!{trap}")
    plain_git(repository, "config", "core.worktree", "/")
    (repository / "include").write_text(f"[core]\n\tfsmonitor = {trap}\n")
    plain_git(repository, "config", "include.path", str(repository / "include"))
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "pre-commit", "post-commit", "post-checkout", "post-index-change", "reference-transaction",
        "pre-push", "post-rewrite", "pre-auto-gc", "fsmonitor-watchman", "prepare-commit-msg",
    ):  # fmt: skip
        shutil.copy(trap, hooks / name)


def test_the_trap_springs_for_an_ordinary_git(user, tmp_path):
    program, mark = tmp_path / "t.sh", tmp_path / "MARK"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    plain_git(user.path, "config", "core.fsmonitor", str(program))
    user.git("status")
    assert mark.exists()


def test_hooks_and_configuration_of_the_agents_git_never_run(clone, mirror, trap):
    poison(clone.path, trap)
    (clone.path / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (clone.path / "src/calc.py").write_text("x\n")
    sha = everything(clone)
    assert mirror.git("show", f"{sha}:src/calc.py") == b"x\n"


def test_a_poisoned_repository_nested_in_the_tree_is_plain_files(clone, mirror, trap):
    nested = clone.path / "vendor"
    nested.mkdir()
    plain_git(nested, "init", "--quiet")
    (nested / "deep").mkdir()
    (nested / "deep/file.txt").write_text("content")
    plain_git(nested, "add", "--all")
    plain_git(nested, "-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "-m", "x")
    plain_git(nested / "deep", "init", "--quiet")
    poison(nested, trap)
    poison(nested / "deep", trap)
    sha = everything(clone)
    assert "vendor/deep/file.txt" in names(mirror, sha)
    assert not any(".git/" in name for name in names(mirror, sha))
    assert b"160000" not in mirror.git("ls-tree", "-r", sha)


def test_a_poisoned_repository_in_place_of_a_tracked_folder_is_plain_files(clone, mirror, trap):
    plain_git(clone.path / "src", "init", "--quiet")
    poison(clone.path / "src", trap)
    (clone.path / "src/more.py").write_text("more")
    sha = everything(clone)
    assert {"src/calc.py", "src/more.py"} <= names(mirror, sha)


def test_a_submodule_stays_what_it_was_and_its_content_stays_out(user, workspace, repository, trap):
    other = user.path.parent / "other"
    user.git("init", "--quiet", str(other))
    plain_git(
        other, "-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "--allow-empty", "-m", "x"
    )
    commit = plain_git(other, "rev-parse", "HEAD").strip()
    user.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    user.git("commit", "--quiet", "-m", "submodule")
    mirror = workspace.mirror(repository)
    mirror.fetch()
    with workspace.open(repository, mirror.resolve("main"), "s") as clone:
        shutil.rmtree(clone.path / "module", ignore_errors=True)
        assert not clone.changed()
        (clone.path / "module").mkdir()
        plain_git(clone.path / "module", "init", "--quiet")
        poison(clone.path / "module", trap)
        (clone.path / "module/inside").write_text("x")
        assert not clone.changed()
        (clone.path / "a").write_text("a")
        sha = everything(clone)
        assert f"160000 commit {commit}\tmodule".encode() in mirror.git("ls-tree", sha)


@pytest.mark.parametrize(
    "attributes",
    [
        "* text=auto eol=crlf\n",
        "* working-tree-encoding=UTF-16\n",
        "* ident\n",
        "* filter=lfs diff=lfs merge=lfs -text\n",
        "* binary\n* -diff\n",
        "[attr]hide -diff -text\n* hide\n",
    ],
)
def test_attributes_neither_change_what_is_committed_nor_hide_it(clone, mirror, attributes):
    content = "line $Id$\r\nüber\n"
    (clone.path / ".gitattributes").write_text(attributes)
    (clone.path / "src/.gitattributes").write_text(attributes)
    (clone.path / "src/calc.py").write_bytes(content.encode())
    sha = clone.commit("attributes")
    assert mirror.git("show", f"{sha}:src/calc.py") == content.encode()
    assert "+über" in clone.diff().text
    assert "+über" in mirror.diff(clone.base, sha).text


@pytest.mark.parametrize("attack", ["gone", "file", "garbage", "elsewhere", "symlink"])
def test_whatever_becomes_of_the_agents_git_folder_the_files_are_committed(clone, mirror, user, attack):
    (clone.path / "a").write_text("a")
    own = clone.path / ".git"
    if attack == "garbage":
        for name in ("HEAD", "index", "config"):
            (own / name).write_bytes(b"\xff\x00garbage\n[")
        (own / "objects/info/alternates").write_text("/etc\n../../../../../..\n")
    else:
        shutil.rmtree(own)
    if attack == "file":
        own.write_text("gitdir: /etc\n")
    if attack == "elsewhere":
        own.write_text(f"gitdir: {mirror.path}\n")
    if attack == "symlink":
        own.symlink_to(user.path / ".git")
    before = fingerprint(user.path)
    sha = everything(clone)
    assert mirror.git("show", f"{sha}:a") == b"a"
    assert fingerprint(user.path).changes_since(before) == []


def test_an_index_that_claims_files_are_unchanged_is_not_believed(clone, mirror):
    plain_git(clone.path, "update-index", "--assume-unchanged", "README.md")
    plain_git(clone.path, "update-index", "--skip-worktree", "src/calc.py")
    (clone.path / "README.md").write_text("1\n")
    (clone.path / "src/calc.py").write_text("2\n")
    sha = clone.commit("seen")
    assert mirror.git("show", f"{sha}:README.md") == b"1\n"
    assert mirror.git("show", f"{sha}:src/calc.py") == b"2\n"


def test_a_change_behind_a_forged_timestamp_is_seen(clone):
    path = clone.path / "src/calc.py"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"-", b"+"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert clone.changed()


def test_symlinked_folders_are_symlinks_and_nothing_behind_them_is_read(clone, mirror, tmp_path):
    secret = tmp_path / "secrets"
    secret.mkdir()
    (secret / "calc.py").write_text("SECRET")
    (secret / "other").write_text("SECRET")
    shutil.rmtree(clone.path / "src")
    (clone.path / "src").symlink_to(secret)
    (clone.path / "also").symlink_to(secret)
    sha = clone.commit("links")
    assert names(mirror, sha) == {".gitignore", "README.md", "src", "also"}
    targets = {file.path: file.symlink_target for file in clone.diff().files if file.symlink_target}
    assert targets == {"src": str(secret), "also": str(secret)}
    assert "SECRET" not in clone.diff().text


def test_a_folder_that_turns_into_a_symlink_while_it_is_read_leaks_nothing(clone, mirror, tmp_path):
    secret = tmp_path / "secrets"
    secret.mkdir()
    (secret / "f").write_text("SECRET")
    stop = threading.Event()

    def flip():
        place, parked = clone.path / "flip", clone.path / "parked"
        while not stop.is_set():
            place.mkdir(exist_ok=True)
            (place / "f").write_text("mine")
            place.rename(parked)
            place.symlink_to(secret)
            place.unlink()
            shutil.rmtree(parked)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            clone.checkpoint()
            assert "SECRET" not in clone.diff().text
    finally:
        stop.set()
        thread.join()


def test_pipes_sockets_and_devices_neither_hang_nor_enter(clone, mirror):
    os.mkfifo(clone.path / "pipe")
    (clone.path / "README.md").unlink()
    os.mkfifo(clone.path / "README.md")
    (clone.path / "a").write_text("a")
    begun = time.monotonic()
    sha = clone.commit("pipes")
    assert time.monotonic() - begun < 60  # a pipe that nobody writes to is waited for without end
    assert names(mirror, sha) == {".gitignore", "a", "src/calc.py", "src/data.bin"}


@pytest.mark.parametrize("name", [".GIT", ".Git ", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION"])
def test_names_that_are_git_elsewhere_are_left_out_and_named(clone, mirror, name):
    (clone.path / name).mkdir()
    (clone.path / name / "config").write_text("[core]\n\tfsmonitor = evil\n")
    (clone.path / "a").write_text("a")
    sha = clone.commit("a")
    assert names(mirror, sha) == {".gitignore", "README.md", "a", "src/calc.py", "src/data.bin"}
    assert [out.path for out in clone.left_out] == [f"{name}/config"]


def test_the_environment_of_the_task_does_not_steer_the_harness(clone, mirror, monkeypatch, trap, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {tmp_path}\n[diff]\n\texternal = {trap}\n"
    )
    for key, value in {
        "GIT_DIR": "/nonexistent",
        "GIT_WORK_TREE": "/nonexistent",
        "GIT_INDEX_FILE": "/nonexistent",
        "GIT_OBJECT_DIRECTORY": "/nonexistent",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_SYSTEM": str(config),
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={trap}'",
        "GIT_EXTERNAL_DIFF": str(trap),
        "GIT_SSH_COMMAND": str(trap),
        "GIT_ASKPASS": str(trap),
        "GIT_AUTHOR_NAME": "somebody",
        "GIT_TRACE": str(tmp_path / "trace"),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(key, value)
    shutil.copy(config, tmp_path / ".gitconfig")
    (clone.path / "a").write_text("a")
    sha = everything(clone)
    assert mirror.git("show", "-s", "--format=%an", sha) == b"Bridle\n"
    assert not (tmp_path / "trace").exists()


def test_the_agent_cannot_write_elsewhere_through_its_git_folder(
    user, workspace, repository, base, mirror, clone
):
    with workspace.open(repository, base, "neighbour") as neighbour:
        places = (user.path, mirror.path, neighbour.folder)
        before = {place: fingerprint(place) for place in places}
        own = clone.path / ".git"
        (own / "objects/info/alternates").write_text(
            "".join(
                f"{path}\n"
                for path in (mirror.objects, neighbour.path / ".git/objects", user.path / ".git/objects")
            )
        )
        (clone.path / "a").write_text("a")
        for command in (
            ("add", "--all"),
            ("commit", "--quiet", "-m", "x"),
            ("repack", "-a", "-d", "-l"),
            ("gc", "--prune=now", "--aggressive", "--quiet"),
            ("update-ref", "refs/heads/main", "HEAD"),
        ):
            plain_git(clone.path, *command)
        everything(clone)
        for place in places:
            grow = MIRROR_MAY_GROW if place == mirror.path else ()
            assert fingerprint(place).changes_since(before[place], may_grow=grow) == [], place


def test_replace_refs_and_grafts_of_the_agent_do_not_change_history(clone, mirror, base):
    plain_git(clone.path, "checkout", "--quiet", "--orphan", "fake")
    plain_git(clone.path, "commit", "--quiet", "-m", "fake history")
    plain_git(clone.path, "replace", base, "HEAD")
    (clone.path / "a").write_text("a")
    sha = clone.commit("a")
    assert mirror.git("rev-list", "--count", sha) == b"2\n"


def test_a_work_tree_that_was_replaced_by_a_symlink_is_refused(clone, user):
    before = fingerprint(user.path)
    shutil.rmtree(clone.path)
    clone.path.symlink_to(user.path)
    with pytest.raises(RepositoryError, match="gone"):
        clone.commit("x")
    clone.close()
    assert fingerprint(user.path).changes_since(before) == []
