import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from bridle.errors import CredentialError, ForgeDown, RepositoryError
from bridle.testing.git_repository import GitRepository
from bridle.workspace import upstream
from bridle.workspace.git import git
from bridle.workspace.lock import locked
from bridle.workspace.mirror import Mirror
from bridle.workspace.remote import Remote
from patience import until


def test_a_fetch_brings_new_commits_follows_rewritten_branches_and_drops_deleted_ones(user, mirror, base):
    user.git("branch", "old")
    mirror.fetch()
    assert mirror.resolve("old") == base
    newer = user.commit({"more": "more"})
    user.git("branch", "-D", "old")
    mirror.fetch()
    assert mirror.resolve("main") == newer
    user.git("commit", "--quiet", "--amend", "-m", "rewritten")
    mirror.fetch()
    assert mirror.resolve("main") == user.git("rev-parse", "main").strip() != newer
    with pytest.raises(RepositoryError, match=r"no branch.*'old'.*main"):
        mirror.resolve("old")


def test_branches_tags_and_full_shas_resolve_and_options_do_not(user, mirror, base):
    user.git("tag", "v1")
    mirror.fetch()
    assert mirror.resolve("v1") == mirror.resolve(base) == base
    for hostile in ("--all", "-h", "HEAD~1", "main:README.md", "", "refs/heads/main"):
        with pytest.raises(RepositoryError):
            mirror.resolve(hostile)


def test_a_repository_without_commits_says_so(tmp_path):
    empty = GitRepository(tmp_path / "empty")
    mirror = Mirror(tmp_path / "host", empty.configured())
    mirror.fetch()
    with pytest.raises(RepositoryError, match="no commits"):
        mirror.resolve("main")


def test_a_repository_that_is_not_there_is_named(tmp_path, repository):
    mirror = Mirror(tmp_path / "h", repository, lambda _: Remote(f"file://{tmp_path}/nowhere"))
    with pytest.raises(RepositoryError, match="nowhere"):
        mirror.fetch()


def test_a_remote_that_does_not_answer_is_worth_a_retry(tmp_path, repository):
    mirror = Mirror(tmp_path / "h", repository, lambda _: Remote("http://127.0.0.1:1/x.git"))
    with pytest.raises(ForgeDown):
        mirror.fetch()


def test_processes_that_fetch_at_the_same_time_wait_for_each_other(user, workspace, repository):
    newest = user.commit({"n": "n"})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: workspace.mirror(repository).fetch(), range(8)))
    assert workspace.mirror(repository).resolve("main") == newest


def test_mirrors_made_at_the_same_time_are_one_mirror(tmp_path, user, repository):
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: Mirror(tmp_path / "fresh", repository).has("0" * 40), range(8)))
    assert found == {False}
    assert [path.suffix for path in (tmp_path / "fresh/mirrors").iterdir()] == [".git"]


def test_waiting_for_another_fetch_has_an_end(mirror):
    with locked(mirror.path.with_suffix(".lock"), wait_seconds=1), pytest.raises(ForgeDown, match="held"):
        mirror.fetch(wait_seconds=0.1)


def test_the_fetch_lock_and_gits_own_locks_end_with_a_killed_process(mirror):
    holder = textwrap.dedent(f"""
        import pathlib, time
        from bridle.workspace.lock import locked
        with locked(pathlib.Path({str(mirror.path.with_suffix(".lock"))!r}), wait_seconds=1):
            print("held", flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ForgeDown):
            mirror.fetch(wait_seconds=0.05)
        os.kill(process.pid, signal.SIGKILL)
    for left_behind in ("packed-refs.lock", "refs/heads/main.lock"):
        (mirror.path / left_behind).touch()
    mirror.fetch(wait_seconds=60)
    assert not (mirror.path / "packed-refs.lock").exists()


def test_what_a_git_that_was_killed_leaves_stops_no_fetch_and_no_collection(user, mirror):
    """While it writes its list of refs anew, it has a file that another git refuses to overwrite."""
    user.git("branch", "old")
    mirror.fetch()
    mirror.git("pack-refs", "--all")
    (mirror.path / "packed-refs.new").touch()
    user.git("branch", "-D", "old")
    mirror.fetch()
    with pytest.raises(RepositoryError, match="no branch"):
        mirror.resolve("old")
    (mirror.path / "packed-refs.new").touch()
    (mirror.path / "objects/info/commit-graph.lock").touch()
    mirror.collect(loose_objects=1)


def test_the_lock_of_a_ref_ends_with_whoever_was_killed_and_not_before(mirror, base):
    mirror.keep("refs/bridle/merges/one", base)
    lock = mirror.path / "refs/bridle/merges/one.lock"
    lock.touch()
    with pytest.raises(RepositoryError, match=r"one\.lock"):
        mirror.keep("refs/bridle/merges/one", base)
    os.utime(lock, (0, 0))
    mirror.keep("refs/bridle/merges/one", base)
    assert not lock.exists()


def test_a_collection_that_outlives_its_task_still_keeps_others_away(mirror, tmp_path, monkeypatch):
    """Its git has the lock, too: a fetch that came now would take its locks for those of the dead."""
    shim, going = tmp_path / "bin" / "git", tmp_path / "going"
    shim.parent.mkdir()
    real = shutil.which("git")
    shim.write_text(f'#!/bin/sh\n[ "$1" = gc ] && touch {going} && sleep 600\nexec {real} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    task = multiprocessing.get_context("fork").Process(target=mirror.collect)
    task.start()
    until("git collects", going.exists)
    left = psutil.Process(task.pid).children(recursive=True)
    task.kill()
    task.join()
    try:
        with pytest.raises(ForgeDown, match="held"):
            mirror.fetch(wait_seconds=0.1)
    finally:
        for process in left:
            process.kill()
    mirror.fetch()


def test_a_push_makes_a_branch_and_does_nothing_when_repeated(user, mirror, clone, base):
    (clone.path / "a").write_text("a")
    sha = clone.commit("a")
    upstream.push(mirror, sha, "bridle/issue-1", None)
    assert upstream.head(mirror, "bridle/issue-1") == sha
    reflog = user.git("for-each-ref", "refs/heads/bridle/issue-1")
    upstream.push(mirror, sha, "bridle/issue-1", None)
    upstream.push(mirror, sha, "bridle/issue-1", base)
    assert user.git("for-each-ref", "refs/heads/bridle/issue-1") == reflog
    assert user.git("status", "--porcelain") == ""


def test_a_push_never_overwrites_what_somebody_else_put_there(user, mirror, clone, base):
    (clone.path / "a").write_text("a")
    sha = clone.commit("a")
    user.git("branch", "work")
    theirs = user.git("rev-parse", "work").strip()
    with pytest.raises(RepositoryError, match=f"work.*{theirs}"):
        upstream.push(mirror, sha, "work", None)
    with pytest.raises(RepositoryError, match="somebody else"):
        upstream.push(mirror, sha, "work", "1" * 40)
    assert user.git("rev-parse", "work").strip() == theirs
    upstream.push(mirror, sha, "work", theirs)
    assert user.git("rev-parse", "work").strip() == sha


def test_a_branch_is_deleted_only_while_it_is_where_it_was_left(user, mirror, base):
    user.git("branch", "done")
    with pytest.raises(RepositoryError, match="left alone"):
        upstream.delete(mirror, "done", "1" * 40)
    upstream.delete(mirror, "done", base)
    upstream.delete(mirror, "done", base)
    assert upstream.head(mirror, "done") is None


@pytest.mark.parametrize("branch", ["", "a..b", "x.lock", "a b", "a:b", "/a", "-"])
def test_a_branch_name_that_git_does_not_take_is_refused(mirror, base, branch):
    if branch == "-":
        upstream.push(mirror, base, branch, None)
        assert upstream.head(mirror, branch) == base
        return
    with pytest.raises(RepositoryError):
        upstream.push(mirror, base, branch, None)


def test_a_password_in_a_url_is_refused_without_repeating_it():
    with pytest.raises(RepositoryError) as caught:
        Remote("https://user:hunter2@example.org/x.git")
    assert "hunter2" not in str(caught.value)


def test_a_token_goes_to_its_own_host_only_and_is_not_shown():
    remote = Remote("https://example.org/o/r.git", token="tok-123", connection="github_default")
    assert list(remote.settings) == ["http.https://example.org/.extraHeader"]
    assert "tok-123" not in repr(remote)
    assert Remote("file:///x", token="tok-123").settings == {}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: Authentication failed for 'https://x/'", CredentialError),
        ("The requested URL returned error: 403", CredentialError),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", CredentialError),
        ("The requested URL returned error: 503", ForgeDown),
        ("Could not resolve host: x", ForgeDown),
        ("fatal: repository 'https://x/' not found", RepositoryError),
    ],
)
def test_what_git_says_becomes_the_right_error(said, kind):
    from bridle.workspace.git import Finished

    error = Remote("https://x/", connection="my_conn").failure(Finished(128, b"", said), "fetching")
    assert type(error) is kind
    assert kind is not CredentialError or "my_conn" in str(error)


def test_many_loose_objects_are_packed_and_a_few_are_left_alone(mirror, tmp_path):
    files = [tmp_path / f"number {number}" for number in range(1200)]
    for file in files:
        file.write_text(file.name)
    made = mirror.git("hash-object", "-w", "--stdin-paths", stdin="\n".join(map(str, files)).encode()).split()
    listed = b"".join(b"100644 blob %b\tf%d\n" % (sha, number) for number, sha in enumerate(made))
    tree = mirror.git("mktree", stdin=listed).decode().strip()
    person = {f"GIT_{who}_{what}": "x@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    commit = git("commit-tree", tree, "-m", "many", git_dir=mirror.path, env=person).decode().strip()
    mirror.keep("refs/bridle/sessions/many/commit", commit)

    def loose() -> int:
        return int(mirror.git("count-objects").split()[0])

    mirror.collect()
    assert loose() > 1200
    mirror.collect(loose_objects=1)
    assert loose() < 50
    assert mirror.has(commit)
