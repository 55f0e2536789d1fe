"""Several sessions' commits on one base, brought together."""

import pytest

from bridle.errors import RepositoryError
from bridle.workspace.carrier import HostCarrier
from bridle.workspace.merge import CONFLICT_BYTES, merge, unsettled


@pytest.fixture
def made(workspace, repository, base):
    """Makes a commit on `base`: path to content."""

    def make(name, files, start=base):
        with workspace.open(repository, start, name) as clone:
            for path, content in files.items():
                (clone.path / path).parent.mkdir(parents=True, exist_ok=True)
                (clone.path / path).write_text(content)
            return clone.commit(f"Work of {name}")

    return make


def content(mirror, commit, path):
    return mirror.git("cat-file", "blob", f"{commit}:{path}").decode()


def parents(mirror, commit):
    return mirror.git("rev-parse", f"{commit}^@").decode().split()


def test_commits_that_touch_different_files_are_all_in_the_result(mirror, base, made):
    one, two, three = (made(name, {f"{name}.txt": name}) for name in ("one", "two", "three"))
    result = merge(mirror, HostCarrier(), base, [one, two, three])
    assert (result.merged, result.conflicts) == ((one, two, three), ())
    for name in ("one", "two", "three"):
        assert content(mirror, result.commit, f"{name}.txt") == name
    assert parents(mirror, result.commit)[1] == three


def test_a_conflict_is_left_out_and_both_commits_stay(mirror, base, made):
    mine = made("mine", {"README.md": "mine\n"})
    theirs = made("theirs", {"README.md": "theirs\n"})
    third = made("third", {"third.txt": "3"})
    result = merge(mirror, HostCarrier(), base, [mine, theirs, third])
    assert result.merged == (mine, third)
    (conflict,) = result.conflicts
    assert (conflict.commit, conflict.onto, conflict.files) == (theirs, mine, ("README.md",))
    assert "mine\n=======\ntheirs" in conflict.text
    assert len(conflict.text.encode()) <= CONFLICT_BYTES
    assert content(mirror, theirs, "README.md") == "theirs\n"
    assert content(mirror, result.commit, "README.md") == "mine\n"
    assert parents(mirror, conflict.draft) == [mine, theirs]


def test_a_settled_conflict_has_both_commits_as_parents_and_no_marker(mirror, base, made):
    mine, theirs = made("mine", {"README.md": "mine\n"}), made("theirs", {"README.md": "theirs\n"})
    left = []

    def resolve(conflict):
        left.append(unsettled(mirror, conflict, conflict.draft))
        return made("settled", {"README.md": "mine and theirs\n"}, conflict.draft)

    result = merge(mirror, HostCarrier(), base, [mine, theirs], resolve=resolve)
    assert left == [["README.md"]]
    assert result.merged == (mine, theirs)
    assert parents(mirror, result.commit) == [mine, theirs]
    assert content(mirror, result.commit, "README.md") == "mine and theirs\n"


def test_the_same_merge_has_the_same_name_when_it_is_done_again(mirror, base, made):
    commits = [made(name, {f"{name}.txt": name}) for name in ("one", "two")]
    first = merge(mirror, HostCarrier(), base, commits)
    assert merge(mirror, HostCarrier(), base, commits) == first


def test_nothing_to_merge_is_the_base(mirror, base):
    assert merge(mirror, HostCarrier(), base, []).commit == base


def test_one_side_deleting_what_the_other_changed_is_a_conflict(mirror, base, workspace, repository, made):
    changed = made("changed", {"README.md": "changed\n"})
    with workspace.open(repository, base, "deleting") as clone:
        (clone.path / "README.md").unlink()
        deleted = clone.commit("Delete it")
    (conflict,) = merge(mirror, HostCarrier(), base, [changed, deleted]).conflicts
    assert conflict.files == ("README.md",)


def test_an_attribute_of_the_repository_chooses_no_merge_driver(mirror, made):
    """`merge=union` would hide a conflict from whoever has to decide."""
    base = made("attributes", {".gitattributes": "* merge=union\n", "a.txt": "1\n"})
    mine, theirs = made("mine", {"a.txt": "2\n"}, base), made("theirs", {"a.txt": "3\n"}, base)
    assert merge(mirror, HostCarrier(), base, [mine, theirs]).conflicts


def test_a_commit_that_nobody_has_is_an_error(mirror, base):
    with pytest.raises(RepositoryError, match="is not on this host"):
        merge(mirror, HostCarrier(), base, ["0" * 39 + "1"])
