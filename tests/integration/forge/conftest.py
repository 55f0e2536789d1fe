import shutil

import pytest

from bridle.forge.access import Access
from bridle.forge.github import GitHubForge
from bridle.forge.local import LocalForge
from bridle.testing.git_repository import GitRepository
from bridle.testing.github_server import TOKEN, GitHubServer
from bridle.workspace.carrier import HostCarrier
from bridle.workspace.workspace import Workspace

NAME = "owner/sample"


@pytest.fixture
def bare(tmp_path):
    """The forge's copy of a repository with one commit."""
    user = GitRepository(tmp_path / "user", {"a.txt": "a\n"})
    place = tmp_path / "served" / f"{NAME}.git"
    place.parent.mkdir(parents=True)
    shutil.copytree(user.path / ".git", place)
    return place


@pytest.fixture
def server(tmp_path, bare):
    with GitHubServer(tmp_path / "github.json", repositories=tmp_path / "served") as running:
        running.add_issue(
            NAME,
            7,
            title="It is broken",
            body="Every time.",
            author_association="NONE",
            user={"login": "marta", "type": "User"},
            labels=["bug"],
            comments=[
                {"body": "Me too", "author_association": "OWNER", "user": {"login": "ada", "type": "User"}}
            ],
        )
        yield running


@pytest.fixture
def access(server):
    return Access.from_token(TOKEN, server.api, "my_github")


@pytest.fixture
def configured(tmp_path, bare):
    return GitRepository(tmp_path / "user").configured(
        NAME, forge="github", url=None, issues=None, connection="my_github"
    )


@pytest.fixture
def mirror(tmp_path, configured, access):
    return Workspace(tmp_path / "host", HostCarrier(), remote=access.remote).mirror(configured)


@pytest.fixture
def github(access, mirror):
    return GitHubForge(NAME, access, mirror)


@pytest.fixture
def local(tmp_path):
    issues = tmp_path / "issues"
    issues.mkdir()
    (issues / "7.md").write_text(
        "---\ntitle: It is broken\nauthor: marta\nassociation: NONE\nlabels: [bug]\n"
        "created_at: 2026-01-02T03:04:05Z\ncomments:\n"
        "  - author: ada\n    association: OWNER\n    body: Me too\n---\nEvery time.\n"
    )
    return LocalForge(issues, tmp_path / "pulls")


@pytest.fixture(params=["github", "local"])
def forge(request):
    """Both forges must keep the same promises."""
    return request.getfixturevalue(request.param)
