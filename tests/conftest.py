"""A repository, and a host that works on it; folders with other needs define their own."""

import pytest

from bridle.testing.git_repository import GitRepository
from bridle.workspace.carrier import HostCarrier
from bridle.workspace.workspace import Workspace

FILES = {
    "README.md": "# sample\n",
    "src/calc.py": "def add(a, b):\n    return a - b\n",
    "src/data.bin": b"\x00\x01\x02",
    ".gitignore": "build/\n*.log\n",
}


@pytest.fixture
def user(tmp_path):
    """The user's own checkout."""
    return GitRepository(tmp_path / "user", FILES)


@pytest.fixture
def repository(user):
    return user.configured()


@pytest.fixture
def workspace(tmp_path, repository):
    """A host that has fetched the repository."""
    host = Workspace(tmp_path / "host", HostCarrier())
    host.mirror(repository).fetch()
    return host


@pytest.fixture
def mirror(workspace, repository):
    return workspace.mirror(repository)


@pytest.fixture
def base(mirror):
    return mirror.resolve("main")


@pytest.fixture
def clone(workspace, repository, base):
    with workspace.open(repository, base, "session-1") as opened:
        yield opened
