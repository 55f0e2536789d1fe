"""A spec's work has one branch for each branch that it is for."""

from bridle.config.repositories import Repositories
from bridle.harness.routine import Routine


def test_work_for_another_branch_is_kept_apart():
    """A release's history must not get into the pull request for the default branch."""
    entry = {"forge": "local", "url": "file:///pantry", "issues": "/issues", "checks": {"tests": "true"}}
    repository = Repositories.model_validate({"repositories": {"pantry": entry}}).get("pantry")
    default, same, release = (Routine(repository, "PLAN.md", target=name) for name in ("", "main", "release"))
    assert (default.name, default.branch, default.lease) == (same.name, same.branch, same.lease)
    assert release.name == "pantry:PLAN.md@release"
    assert release.branch != default.branch
    assert release.lease != default.lease
