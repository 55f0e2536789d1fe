import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridle.errors import PolicyViolation, RepositoryError
from bridle.testing.git_repository import plain_git
from bridle.workspace.carrier import HostCarrier
from bridle.workspace.fingerprint import MIRROR_MAY_GROW, fingerprint
from bridle.workspace.leftovers import sweep_host
from bridle.workspace.snapshot import Caps
from bridle.workspace.workspace import Workspace


def names(mirror, commit):
    listed = mirror.git("ls-tree", "-r", "-z", "--name-only", commit)
    return {name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0")[:-1]}


def test_the_agent_finds_an_ordinary_repository_at_the_base_commit(clone, base):
    assert plain_git(clone.path, "rev-parse", "HEAD").strip() == base
    assert plain_git(clone.path, "status", "--porcelain") == ""
    assert "a change" in plain_git(clone.path, "log")


def test_opening_a_clone_starts_few_processes_and_copies_no_object(
    workspace, repository, base, tmp_path, monkeypatch
):
    """So it takes a few hundredths of a second."""
    started = tmp_path / "started"
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >> {started}\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    with workspace.open(repository, base, "counted") as opened:
        processes = started.read_text().splitlines()
        assert 0 < len(processes) <= 8, processes
        assert plain_git(opened.path, "count-objects").startswith("0 objects")


def test_a_commit_has_the_files_the_message_and_bridle_as_its_author(clone, mirror, base):
    (clone.path / "src/calc.py").write_text("def add(a, b):\n    return a + b\n")
    (clone.path / "new").mkdir()
    (clone.path / "new/file.txt").write_text("new\n")
    (clone.path / "README.md").unlink()

    sha = clone.commit("Fix adding\n\nIt subtracted.")

    assert names(mirror, sha) == {".gitignore", "src/calc.py", "src/data.bin", "new/file.txt"}
    shown = mirror.git("show", "-s", "--format=%an <%ae>|%cn|%P|%B", sha).decode()
    assert shown.strip() == f"Bridle <bridle@localhost>|Bridle|{base}|Fix adding\n\nIt subtracted."


def test_nothing_changed_means_no_commit(clone):
    assert not clone.changed()
    assert clone.commit("nothing") is None
    assert clone.checkpoint() is None
    assert not clone.diff()


def test_a_second_commit_builds_on_the_first(clone, mirror):
    (clone.path / "one").write_text("1")
    first = clone.commit("one")
    assert clone.commit("again") is None
    (clone.path / "two").write_text("2")
    second = clone.commit("two")
    assert mirror.git("rev-parse", f"{second}^").decode().strip() == first


def test_a_checkpoint_disturbs_neither_the_agents_index_nor_its_branch(clone, base):
    (clone.path / "staged.txt").write_text("staged")
    plain_git(clone.path, "add", "staged.txt")
    (clone.path / "unstaged.txt").write_text("unstaged")
    before = fingerprint(clone.path)
    status = plain_git(clone.path, "status", "--porcelain")

    assert clone.checkpoint() is not None

    assert fingerprint(clone.path).changes_since(before) == []
    assert plain_git(clone.path, "status", "--porcelain") == status
    assert plain_git(clone.path, "rev-parse", "HEAD").strip() == base


def test_a_checkpoint_that_nothing_followed_is_not_repeated(clone):
    (clone.path / "a").write_text("1")
    assert clone.checkpoint() is not None
    assert clone.checkpoint() is None
    (clone.path / "a").write_text("2")
    assert clone.checkpoint() is not None


def test_a_session_that_goes_on_from_a_checkpoint_commits_on_top_of_the_base(
    workspace, repository, base, mirror
):
    with workspace.open(repository, base, "killed") as killed:
        (killed.path / "half.txt").write_text("half")
        saved = killed.checkpoint()

    with workspace.open(repository, base, "resumed", start=saved) as resumed:
        assert (resumed.path / "half.txt").read_text() == "half"
        assert "half.txt" in plain_git(resumed.path, "status", "--porcelain")
        assert resumed.changed()
        (resumed.path / "half.txt").write_text("whole")
        sha = resumed.commit("done")

    assert mirror.git("rev-parse", f"{sha}^").decode().strip() == base
    assert mirror.git("show", f"{sha}:half.txt") == b"whole"


@pytest.mark.parametrize("afterwards", [("log",), ("checkout", "--quiet", "--detach"), ("gc", "--quiet")])
def test_what_the_agent_commits_by_itself_is_not_lost(clone, mirror, base, afterwards):
    (clone.path / "mine.txt").write_text("agent's")
    plain_git(clone.path, "add", "--all")
    plain_git(clone.path, "commit", "--quiet", "-m", "I did it")
    plain_git(clone.path, *afterwards)

    sha = clone.commit("the harness's message")

    assert mirror.git("show", f"{sha}:mine.txt") == b"agent's"
    assert mirror.git("rev-parse", f"{sha}^").decode().strip() == base


def test_build_junk_is_not_committed_even_when_gitignore_forgets_it(clone, mirror):
    junk = ("build/out.o", "x.log", "src/__pycache__/a.pyc", ".pytest_cache/v", "node_modules/m/i.js")
    for path in junk:
        (clone.path / path).parent.mkdir(parents=True, exist_ok=True)
        (clone.path / path).write_text("junk")
    assert not clone.changed()
    assert clone.commit("junk") is None


def test_a_tracked_file_that_gitignore_names_is_still_committed(user, workspace, repository):
    (user.path / "kept.log").write_text("1\n")
    user.git("add", "--force", "kept.log")
    base = user.commit({"a": "a"})
    workspace.mirror(repository).fetch()
    with workspace.open(repository, base, "s") as clone:
        (clone.path / "kept.log").write_text("2\n")
        sha = clone.commit("log")
        assert workspace.mirror(repository).git("show", f"{sha}:kept.log") == b"2\n"


def test_names_that_are_not_utf8_differ_in_case_or_have_odd_characters_survive(clone, mirror):
    odd = [
        b"caf\xe9.txt",
        b"Case",
        b"case",
        b"tab\there",
        b"new\nline",
        b'quo"te',
        b"-dash",
        b":colon",
        b"\xf0\x9f\x90\xb4",
    ]
    for name in odd:
        (clone.path / os.fsdecode(name)).write_bytes(name)
    sha = clone.commit("odd names")
    listed = mirror.git("ls-tree", "-z", "--name-only", sha).split(b"\0")
    assert set(odd) <= set(listed)
    paths = {file.path for file in clone.diff().files}
    assert {"caf\\xe9.txt", "tab\there", "new\nline", "🐴"} <= paths


def test_file_modes_and_symlinks_survive(clone, mirror):
    script = clone.path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (clone.path / "link").symlink_to("src/calc.py")
    (clone.path / "src/calc.py").chmod(0o700)
    sha = clone.commit("modes")
    modes = {line.split(b"\t")[1]: line[:6] for line in mirror.git("ls-tree", "-r", sha).splitlines()}
    assert modes[b"run.sh"] == b"100755"
    assert modes[b"link"] == b"120000"
    assert modes[b"src/calc.py"] == b"100755"
    link = next(file for file in clone.diff().files if file.path == "link")
    assert link.symlink_target == "src/calc.py"


def test_a_file_becomes_a_folder_and_a_folder_becomes_a_file(clone, mirror):
    (clone.path / "README.md").unlink()
    (clone.path / "README.md").mkdir()
    (clone.path / "README.md/inside").write_text("in")
    for path in (clone.path / "src").iterdir():
        path.unlink()
    (clone.path / "src").rmdir()
    (clone.path / "src").write_text("now a file")
    sha = clone.commit("swap")
    assert names(mirror, sha) == {".gitignore", "README.md/inside", "src"}


def test_a_huge_file_is_left_out_and_named(clone, mirror, workspace, repository, base):
    small = Workspace(workspace.root, HostCarrier(), caps=Caps(file_bytes=1000))
    with small.open(repository, base, "huge") as clone:
        (clone.path / "core.dump").write_bytes(b"x" * 1001)
        (clone.path / "src/calc.py").write_text("y" * 1001)
        (clone.path / "fits").write_bytes(b"x" * 1000)
        sha = clone.commit("big")
    assert names(mirror, sha) == {".gitignore", "README.md", "src/calc.py", "src/data.bin", "fits"}
    assert mirror.git("show", f"{sha}:src/calc.py").startswith(b"def add")
    assert {(out.path, "over" in out.why) for out in clone.left_out} == {
        ("core.dump", True),
        ("src/calc.py", True),
    }


@pytest.mark.parametrize("caps", [Caps(total_bytes=5000), Caps(files=5)])
def test_too_much_altogether_is_refused_and_says_what_to_do(workspace, repository, base, caps):
    small = Workspace(workspace.root, HostCarrier(), caps=caps)
    with small.open(repository, base, "much") as clone:
        for number in range(10):
            (clone.path / f"f{number}").write_bytes(b"x" * 900)
        with pytest.raises(PolicyViolation, match=r"\.gitignore"):
            clone.commit("much")


def test_what_a_read_session_changed_is_thrown_away_and_reported(clone):
    before = fingerprint(clone.path)
    (clone.path / "src/calc.py").write_text("changed\n")
    (clone.path / "new").write_text("a\nb\n")
    (clone.path / "build").mkdir()
    (clone.path / "build/junk").write_text("junk")
    stat = clone.discard()
    assert (stat.files, stat.added, stat.deleted) == (2, 3, 2)
    after = fingerprint(clone.path).changes_since(before)
    assert [path for path in after if path != ".git/index"] == []


def test_two_clones_of_one_repository_work_side_by_side(workspace, repository, base, mirror):
    def session(number):
        with workspace.open(repository, base, f"parallel-{number}") as clone:
            (clone.path / "mine.txt").write_text(f"{number}")
            clone.checkpoint()
            (clone.path / "src/calc.py").write_text(f"{number}")
            return clone.commit(f"session {number}")

    with ThreadPoolExecutor(4) as pool:
        commits = list(pool.map(session, range(8)))
    for number, sha in enumerate(commits):
        assert mirror.git("show", f"{sha}:mine.txt").decode() == str(number)


def test_a_session_leaves_the_users_checkout_the_mirror_and_other_clones_as_they_were(
    user, workspace, repository, base, mirror
):
    with (
        workspace.open(repository, base, "neighbour") as neighbour,
        workspace.open(repository, base, "s") as clone,
    ):
        before = {place: fingerprint(place) for place in (user.path, mirror.path, neighbour.folder)}
        (clone.path / "a").write_text("a")
        plain_git(clone.path, "add", "--all")
        plain_git(clone.path, "commit", "--quiet", "-m", "own")
        plain_git(clone.path, "gc", "--quiet", "--prune=now")
        clone.checkpoint()
        clone.commit("a")
        for place, earlier in before.items():
            grow = MIRROR_MAY_GROW if place == mirror.path else ()
            assert fingerprint(place).changes_since(earlier, may_grow=grow) == [], place
    assert "commit" in user.git("log", "-1")
    mirror.git("fsck", "--no-dangling")


def test_garbage_collection_in_the_mirror_does_not_disturb_live_clones(
    user, workspace, repository, base, mirror, clone
):
    (clone.path / "a").write_text("1")
    checkpoint = clone.checkpoint()
    user.git("checkout", "--quiet", "--orphan", "other")
    user.commit({"b": "b"})
    user.git("branch", "-D", "main")
    mirror.fetch()
    mirror.collect()
    mirror.git("gc", "--quiet", "--prune=now")
    assert "a change" in plain_git(clone.path, "log")
    plain_git(clone.path, "fsck")
    assert clone.checkpoint() is None
    (clone.path / "a").write_text("2")
    assert mirror.has(clone.commit("after gc"))
    assert mirror.has(checkpoint)


def test_old_refs_are_forgotten_and_young_ones_kept(mirror, clone):
    (clone.path / "a").write_text("1")
    clone.commit("one")
    refs = mirror.git("for-each-ref", "refs/bridle/").splitlines()
    mirror.collect(older_than_days=1)
    assert len(mirror.git("for-each-ref", "refs/bridle/").splitlines()) == len(refs) == 2
    mirror.collect(older_than_days=-1)
    assert mirror.git("for-each-ref", "refs/bridle/") == b""


def test_a_commit_is_made_though_a_collection_took_away_a_folder_of_gits(clone, tmp_path, monkeypatch):
    """A `gc` removes empty folders, also one that another git has just made for an object: git's own race."""
    shim, failed = tmp_path / "bin" / "git", tmp_path / "failed"
    shim.parent.mkdir()
    said = "error: unable to create temporary file: No such file or directory"
    first = f'[ "$1" = commit-tree ] && [ ! -e {failed} ] && touch {failed} && echo "{said}" >&2 && exit 128'
    shim.write_text(f'#!/bin/sh\n{first}\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    (clone.path / "a").write_text("a")
    assert clone.commit("a") is not None
    assert failed.exists()


def test_closing_removes_a_clone_whose_permissions_the_agent_took_away(clone):
    locked = clone.path / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0)
    clone.close()
    clone.close()
    assert not clone.folder.exists()


def test_only_clones_of_the_dead_on_this_host_are_swept(workspace, repository, base):
    """At once, not after an hour; another host's is left alone until it is a day old."""
    for session in ("stale", "elsewhere", "ancient"):
        workspace.open(repository, base, session)
    working = workspace.open(repository, base, "working")
    sessions = workspace.root / "sessions"
    for session in ("elsewhere", "ancient"):
        (sessions / session / "host").write_text("another-host\nanother-boot\n")
    os.utime(sessions / "ancient" / "host", (0, 0))
    assert sweep_host(workspace.root) == ["ancient", "stale"]
    assert sweep_host(workspace.root) == []
    assert sorted(path.name for path in sessions.iterdir()) == ["elsewhere", "working"]
    working.close()
    assert [path.name for path in sessions.iterdir()] == ["elsewhere"]


@pytest.mark.parametrize("session_id", ["", "../x", "a/b", "-rf", "a b", "x" * 81])
def test_a_session_id_cannot_name_another_folder(workspace, repository, base, session_id):
    with pytest.raises(RepositoryError, match="session id"):
        workspace.open(repository, base, session_id)


def test_one_session_has_one_clone(workspace, repository, base, clone):
    with pytest.raises(RepositoryError, match="already"):
        workspace.open(repository, base, "session-1")


def test_a_clone_that_cannot_be_laid_out_leaves_nothing(workspace, repository, mirror, base):
    blob = mirror.git("rev-parse", f"{base}:README.md").decode().strip()
    mirror.git("update-ref", "refs/bridle/x", base)
    (mirror.path / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
    for pack in mirror.path.glob("objects/pack/*"):
        pack.unlink()
    with pytest.raises(RepositoryError):
        workspace.open(repository, base, "broken")
    assert not (workspace.root / "sessions" / "broken").exists()


def test_a_commit_that_is_nowhere_is_named(workspace, repository):
    with pytest.raises(RepositoryError, match="1234567890" * 4):
        workspace.open(repository, "1234567890" * 4, "s")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_the_harness_commits_what_another_user_wrote(clone, mirror):
    for place in (clone.path, *clone.path.rglob("*")):
        os.lchown(place, 65534, 65534)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=b", "rev-parse", "--git-dir"],
        cwd=clone.path,
        user=65534,
        check=False,
    )
    (clone.path / "src/calc.py").write_text("theirs")
    os.chown(clone.path / "src/calc.py", 65534, 65534)
    sha = clone.commit("as root")
    assert mirror.git("show", f"{sha}:src/calc.py") == b"theirs"


def test_paths_that_a_session_needs_are_named(clone, mirror):
    assert clone.writable == (clone.path,)
    assert clone.readable == (mirror.objects,)
