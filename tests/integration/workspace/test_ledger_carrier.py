from bridle.workspace.carrier import LedgerCarrier
from bridle.workspace.workspace import Workspace


def test_commits_travel_between_hosts_through_a_real_ledger(ledger, tmp_path, repository):
    one, two = (Workspace(tmp_path / name, LedgerCarrier(ledger)) for name in ("one", "two"))
    mirror = one.mirror(repository)
    mirror.fetch()
    with one.open(repository, mirror.resolve("main"), "s1") as clone:
        for number in range(3):
            (clone.path / "file").write_text(str(number))
            saved = clone.checkpoint()
        commit = clone.commit("done")
    with two.open(repository, mirror.resolve("main"), "s2", start=saved) as resumed:
        assert (resumed.path / "file").read_text() == "2"
    with two.open(repository, commit, "s3") as following:
        assert not following.changed()
    one.carrier.put(mirror, commit, mirror.resolve("main"))
