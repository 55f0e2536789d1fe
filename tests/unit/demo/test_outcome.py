"""The demo believes nobody: it checks revisions out and runs the repository's check itself."""

from pathlib import Path

import pytest

from bridle.demo.outcome import branches, check, diff
from bridle.demo.sample import Sample
from bridle.errors import RepositoryError
from bridle.workspace.git import git


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    made = Sample(tmp_path / "demo")
    made.reset()
    return made


def test_main_fails_in_exactly_the_reported_test(sample: Sample) -> None:
    verdict = check(sample, "main")
    assert not verdict.passed
    assert verdict.failed_tests == ("test_a_pallet_costs_the_best_volume_price",)


def test_a_revision_without_the_failing_test_passes(sample: Sample) -> None:
    verdict = check(sample, "main~1")
    assert verdict.passed
    assert verdict.last_line == "OK"


def test_an_unknown_revision_is_an_error_and_not_a_failed_check(sample: Sample) -> None:
    with pytest.raises(RepositoryError, match="no-such-branch"):
        check(sample, "no-such-branch")


def test_checking_leaves_the_remote_as_it_was(sample: Sample) -> None:
    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sample.remote.rglob("*") if path.is_file()}

    before = state()
    check(sample, "main")
    assert state() == before


def test_a_branch_is_shown_with_what_it_changes(sample: Sample) -> None:
    git("branch", "bridle/issue-1", "main", git_dir=sample.remote)
    git("update-ref", "refs/heads/main", "main~1", git_dir=sample.remote)
    assert branches(sample) == ["bridle/issue-1"]
    assert "+    def test_a_pallet_costs_the_best_volume_price(self):" in diff(sample, "bridle/issue-1")
