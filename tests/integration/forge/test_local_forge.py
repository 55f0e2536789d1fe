import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from bridle.errors import IssueError, RepositoryError
from bridle.forge import open_forge, remote_of
from bridle.forge.base import PullRequestDraft
from bridle.forge.document import Document
from bridle.testing.git_repository import GitRepository
from bridle.workspace.mirror import Mirror
from patience import until


def test_a_writer_killed_at_any_moment_leaves_no_half_file_and_one_pull_request(local, tmp_path):
    writer = textwrap.dedent(f"""
        from pathlib import Path
        from bridle.forge.base import PullRequestDraft
        from bridle.forge.local import LocalForge
        forge = LocalForge(Path({str(tmp_path / "issues")!r}), Path({str(tmp_path / "pulls")!r}))
        print("ready", flush=True)
        for number in range(100000):
            text = f"{{number}} " * 20000 + "END"
            draft = PullRequestDraft("t", text, "bridle/issue-7", "main")
            found = forge.open_pull_request(draft)
            forge.update_pull_request(found.number, draft)
            forge.comment(7, "marker", text)
            forge.set_labels(7, add=["a"] if number % 2 else [], remove=["a"])
    """)
    chance = random.Random(7)
    for number in range(6):
        with subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            if number == 5:  # on a busy machine the others may have come to nothing
                until("there is a pull request", lambda: any((tmp_path / "pulls").glob("*.md")))
            time.sleep(chance.uniform(0.0, 0.15))
            os.kill(process.pid, signal.SIGKILL)
        pulls = list((tmp_path / "pulls").glob("*.md"))
        assert len(pulls) <= 1
        for path in [*pulls, *(tmp_path / "issues").rglob("*.md")]:
            document = Document.read(path)
            assert document.head
            assert path.name in {"7.md", "labels.md"} or document.body.endswith("END")
        local.issue(7)
    assert [path.name for path in (tmp_path / "pulls").glob("*.md")] == ["1.md"]


def test_an_issue_may_be_yaml_or_plain_markdown(local, tmp_path):
    (tmp_path / "issues/8.yaml").write_text(
        "title: From YAML\nbody: |\n  Text\nlocked: true\nstate: closed\n"
    )
    (tmp_path / "issues/9.md").write_text("# Only text\n\nMore.\n")
    eight, nine = local.issue(8), local.issue(9)
    assert (eight.title, eight.body, eight.locked, eight.state) == ("From YAML", "Text", True, "closed")
    assert (nine.title, nine.association) == ("Only text", "OWNER")
    assert nine.url.startswith("file://")


@pytest.mark.parametrize(
    "content", ["---\n[1, 2]\n---\nx", "---\n: : :\n\t---\n", "---\ncomments: [text]\n---\nx", b"\xff\xfe"]
)
def test_a_file_that_is_no_issue_is_named(local, tmp_path, content):
    path = tmp_path / "issues/8.md"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(IssueError, match=r"8\.md"):
        local.issue(8)


def test_the_users_issue_file_is_never_written(local, tmp_path):
    before = (tmp_path / "issues/7.md").read_bytes()
    local.set_labels(7, add=["x"])
    local.comment(7, "m", "x")
    assert (tmp_path / "issues/7.md").read_bytes() == before


def test_repositories_yaml_leads_to_the_forge_and_to_the_remote(tmp_path):
    user = GitRepository(tmp_path / "user", {"a": "a"})
    repository = user.configured()
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues/1.md").write_text("Hello\n")
    mirror = Mirror(tmp_path / "host", repository, remote_of)
    mirror.fetch()
    forge = open_forge(repository, mirror=mirror)
    assert forge.issue(1).body == "Hello"
    assert forge.branch("main") == mirror.resolve("main")
    forge.push(mirror.resolve("main"), "bridle/issue-1", None)
    assert "bridle/issue-1" in user.git("branch")
    forge.delete_branch("bridle/issue-1", mirror.resolve("main"))
    assert forge.branch("bridle/issue-1") is None


def test_a_missing_issues_folder_is_named(tmp_path):
    repository = GitRepository(tmp_path / "user").configured()
    with pytest.raises(IssueError, match="issues"):
        open_forge(repository).issue(1)
    with pytest.raises(RepositoryError):
        open_forge(repository).update_pull_request(1, PullRequestDraft("t", "b", "h", "main"))
