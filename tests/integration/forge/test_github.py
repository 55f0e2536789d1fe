"""GitHub through the unmodified PyGithub, against a stand-in in a process of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from bridle.errors import CredentialError, ForgeDown, IssueError, RepositoryError
from bridle.forge.access import Access
from bridle.forge.base import PullRequestDraft
from bridle.forge.github import GitHubForge
from bridle.testing.github_server import LOGIN, TOKEN
from bridle.workspace.mirror import Mirror

NAME = "owner/sample"
DRAFT = PullRequestDraft(title="Fix it", body="Because.", head="bridle/issue-7", base="main")


def test_a_refused_token_names_the_connection_and_is_not_shown(server):
    forge = GitHubForge(NAME, Access.from_token("ghp_wrong", server.api, "my_github"))
    with pytest.raises(CredentialError, match="my_github") as caught:
        forge.issue(7)
    assert "ghp_wrong" not in str(caught.value)
    assert "ghp_wrong" not in repr(Access.from_token("ghp_wrong"))


def test_a_token_without_the_right_to_write_names_the_connection(server, github):
    server.fail("POST", "/pulls", 403)
    with pytest.raises(CredentialError, match="my_github"):
        github.open_pull_request(DRAFT)


def test_a_repository_that_is_not_there_is_told_from_an_issue_that_is_not(access, github):
    with pytest.raises(RepositoryError, match="owner/other"):
        GitHubForge("owner/other", access).issue(7)
    with pytest.raises(IssueError, match="#8"):
        github.issue(8)


def test_a_pull_request_is_no_issue(server, github):
    server.add_issue(NAME, 9, title="x", pull_request={"url": "x"})
    with pytest.raises(IssueError, match="pull request"):
        github.issue(9)


def test_an_issue_of_a_deleted_account_without_text_is_read(server, github):
    server.add_issue(NAME, 9, title="x", body=None, user=None)
    assert (github.issue(9).author, github.issue(9).body) == ("", "")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_read_is_repeated_for_a_moment_and_then_worth_a_retry(server, github, status):
    server.fail("GET", "/issues/7$", status, times=2)
    assert github.issue(7).title == "It is broken"
    server.fail("GET", "/issues/7$", status, times=20)
    with pytest.raises(ForgeDown):
        github.issue(7)
    assert sum(entry["path"].endswith("/issues/7") for entry in server.journal()) < 9


def test_nobody_there_is_worth_a_retry(access):
    forge = GitHubForge(NAME, Access.from_token(TOKEN, "http://127.0.0.1:1"))
    with pytest.raises(ForgeDown):
        forge.issue(7)


@pytest.mark.parametrize("status", [502, 0])
def test_a_write_whose_answer_got_lost_is_not_repeated_blindly(server, github, status):
    server.fail("POST", "/comments", status, after_doing=True)
    with pytest.raises(ForgeDown):
        github.comment(7, "m", "text")
    assert len(server.writes("/comments")) == 1
    assert "text" in github.find_comment(7, "m").body
    github.comment(7, "m", "text")
    assert len(server.writes("/comments")) == 1


def test_a_pull_request_whose_answer_got_lost_is_found_again(server, github):
    server.fail("POST", "/pulls", 502, after_doing=True)
    with pytest.raises(ForgeDown):
        github.open_pull_request(DRAFT)
    assert github.open_pull_request(DRAFT).title == "Fix it"
    assert len(server.writes("/pulls")) == 1


def test_the_marker_in_somebody_elses_comment_is_not_believed(server, github):
    server.add_issue(NAME, 9, title="x", comments=[{"body": "<!-- m -->\nEVIL"}])
    assert github.find_comment(9, "m") is None
    github.comment(9, "m", "ours")
    assert "ours" in github.find_comment(9, "m").body
    assert [comment.author for comment in github.issue(9).comments] == ["somebody", LOGIN]


def test_a_github_app_that_may_not_ask_who_it_is_finds_comments_of_bots(server, github):
    server.fail("GET", "/user$", 403, times=9)
    server.add_issue(
        NAME,
        9,
        title="x",
        comments=[{"body": "<!-- m -->\nours", "user": {"login": "app[bot]", "type": "Bot"}}],
    )
    assert github.find_comment(9, "m").author == "app[bot]"


def test_a_comment_beyond_the_first_page_is_found(server, github):
    server.add_issue(NAME, 9, title="x", comments=[{"body": f"{number}"} for number in range(70)])
    github.comment(9, "m", "ours")
    assert "ours" in github.find_comment(9, "m").body
    assert len(github.issue(9).comments) == 71


def test_nothing_is_written_when_everything_is_as_wanted(server, github):
    github.set_labels(7, add=["bug"], remove=["absent"])
    opened = github.open_pull_request(DRAFT)
    before = len(server.writes())
    github.update_pull_request(opened.number, DRAFT)
    github.open_pull_request(DRAFT)
    assert len(server.writes()) == before


def test_state_survives_a_restart_of_the_stand_in(server, github, tmp_path, bare):
    from bridle.testing.github_server import GitHubServer

    github.open_pull_request(DRAFT)
    with GitHubServer(tmp_path / "github.json") as second:
        again = GitHubForge(NAME, Access.from_token(TOKEN, second.api))
        assert again.find_pull_request(DRAFT.head).title == "Fix it"


def test_git_fetches_and_pushes_over_http_with_the_token_in_a_header(server, github, mirror):
    mirror.fetch()
    commit = mirror.resolve("main")
    assert github.branch("main") == commit
    github.push(commit, "bridle/issue-7", None)
    github.push(commit, "bridle/issue-7", None)
    assert github.branch("bridle/issue-7") == commit
    assert all(entry["did"] != 401 for entry in server.journal())
    github.delete_branch("bridle/issue-7", commit)
    assert github.branch("bridle/issue-7") is None
    assert TOKEN not in "".join(path.read_text() for path in [mirror.path / "config"])


def test_git_with_a_refused_token_names_the_connection(server, configured, tmp_path):
    access = Access.from_token("ghp_wrong", server.api, "my_github")
    with pytest.raises(CredentialError, match="my_github") as caught:
        Mirror(tmp_path / "other", configured, access.remote).fetch()
    assert "ghp_wrong" not in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_token_is_in_no_argument_list(mirror, tmp_path):
    """A git in the place of git writes down how it was called."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\nexec {real} "$@"\n')
    fake.chmod(0o755)
    script = (
        "import pathlib\n"
        "from bridle.forge.access import Access\n"
        "from bridle.config.repositories import Repositories\n"
        "from bridle.workspace.mirror import Mirror\n"
        "entry = {'checks': {'t': 'true'}}\n"
        f"r = Repositories.model_validate({{'repositories': {{{NAME!r}: entry}}}}).get({NAME!r})\n"
        f"a = Access.from_token({TOKEN!r}, {mirror.remote.url.removesuffix(f'/{NAME}.git') + '/api/v3'!r})\n"
        f"Mirror(pathlib.Path({str(tmp_path / 'x')!r}), r, a.remote).fetch()\n"
    )
    environment = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    subprocess.run([os.sys.executable, "-c", script], env=environment, check=True)
    called = (tmp_path / "called").read_text()
    assert "fetch" in called
    assert TOKEN not in called


@pytest.mark.parametrize(
    ("api", "url"),
    [
        ("https://api.github.com", "https://github.com/owner/sample.git"),
        ("https://git.example.org/api/v3", "https://git.example.org/owner/sample.git"),
    ],
)
def test_the_remote_belongs_to_the_address_of_the_api(configured, api, url):
    remote = Access.from_token("t", api).remote(configured)
    assert remote.url == url
    assert list(remote.settings) == [f"http.{url.removesuffix('owner/sample.git')}.extraHeader"]
