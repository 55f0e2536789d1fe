from dataclasses import dataclass

import pytest

from bridle.errors import RepositoryError
from bridle.testing.git_repository import plain_git
from bridle.workspace.carrier import LedgerCarrier
from bridle.workspace.workspace import Workspace


@dataclass
class Kept:
    repo: str
    sha: str
    base_sha: str | None
    data: bytes


class Bundles:
    """What the ledger does with bundles, in memory."""

    def __init__(self):
        self.rows = {}

    def put_bundle(self, repo, sha, base_sha, data):
        self.rows.setdefault((repo, sha), Kept(repo, sha, base_sha, data))

    def bundles_for(self, repo, sha):
        chain = []
        while (row := self.rows.get((repo, sha))) is not None:
            chain.insert(0, row)
            sha = row.base_sha
        return chain


@pytest.fixture
def bundles():
    return Bundles()


@pytest.fixture
def hosts(tmp_path, bundles):
    return [Workspace(tmp_path / name, LedgerCarrier(bundles)) for name in ("one", "two")]


@pytest.fixture
def base(user, hosts, repository):
    mirror = hosts[0].mirror(repository)
    mirror.fetch()
    return mirror.resolve("main")


def test_a_checkpoint_is_taken_up_on_another_host_that_has_nothing_yet(hosts, repository, base):
    one, two = hosts
    with one.open(repository, base, "s1") as clone:
        for number in range(3):
            (clone.path / "file").write_text(f"state {number}")
            saved = clone.checkpoint()
    with two.open(repository, base, "s2", start=saved) as resumed:
        assert (resumed.path / "file").read_text() == "state 2"
        plain_git(resumed.path, "fsck")
    two.mirror(repository).git("fsck", "--connectivity-only")


def test_commits_of_round_after_round_travel(hosts, repository, base):
    commit = base
    for number in range(4):
        with hosts[number % 2].open(repository, commit, f"round-{number}") as clone:
            assert len(list(clone.path.glob("round*"))) == number
            (clone.path / f"round{number}").write_text(str(number))
            clone.checkpoint()
            commit = clone.commit(f"round {number}")


def test_bundles_are_incremental_and_a_retry_adds_none(hosts, repository, base, bundles, user):
    big = user.commit({"big.txt": "\n".join(str(number * 7919) for number in range(20000))})
    hosts[0].mirror(repository).fetch()
    with hosts[0].open(repository, big, "s") as clone:
        (clone.path / "small").write_text("small")
        clone.checkpoint()
        first = clone.commit("small")
    assert all(len(row.data) < 2000 for row in bundles.rows.values())
    count = len(bundles.rows)
    hosts[0].carrier.put(hosts[0].mirror(repository), first, big)
    hosts[0].carrier.put(hosts[0].mirror(repository), big, big)
    assert len(bundles.rows) == count


def test_a_base_that_another_host_pushed_since_is_fetched(hosts, repository, base, user):
    two = hosts[1].mirror(repository)
    two.fetch()
    newer = user.commit({"newer": "newer"})
    hosts[0].mirror(repository).fetch()
    with hosts[0].open(repository, newer, "s") as clone:
        (clone.path / "a").write_text("a")
        sha = clone.commit("a")
    with hosts[1].open(repository, sha, "t") as other:
        assert (other.path / "newer").exists()


def test_bundles_whose_base_is_gone_say_so(hosts, repository, base, user):
    newer = user.commit({"newer": "newer"})
    hosts[0].mirror(repository).fetch()
    with hosts[0].open(repository, newer, "s") as clone:
        (clone.path / "a").write_text("a")
        sha = clone.commit("a")
    user.git("reset", "--quiet", "--hard", base)
    user.git("reflog", "expire", "--expire=now", "--all")
    user.git("gc", "--quiet", "--prune=now")
    with pytest.raises(RepositoryError, match="rewritten"):
        hosts[1].open(repository, sha, "t")


def test_carried_commits_survive_garbage_collection(hosts, repository, base):
    with hosts[0].open(repository, base, "s") as clone:
        (clone.path / "a").write_text("a")
        sha = clone.commit("a")
    with hosts[1].open(repository, sha, "t"):
        pass
    hosts[1].mirror(repository).git("gc", "--quiet", "--prune=now")
    assert hosts[1].mirror(repository).has(sha)
