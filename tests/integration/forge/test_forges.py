"""What both forges promise."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bridle.errors import IssueError, RepositoryError
from bridle.forge.base import PullRequestDraft
from bridle.forge.local import LocalForge

DRAFT = PullRequestDraft(title="Fix it", body="Because.", head="bridle/issue-7", base="main")


def test_an_issue_is_read_with_its_comments(forge):
    issue = forge.issue(7)
    assert (issue.number, issue.title, issue.body) == (7, "It is broken", "Every time.")
    assert (issue.author, issue.association, issue.labels) == ("marta", "NONE", ("bug",))
    assert (issue.state, issue.locked) == ("open", False)
    assert [(comment.author, comment.association, comment.body) for comment in issue.comments] == [
        ("ada", "OWNER", "Me too")
    ]


def test_an_issue_that_is_not_there_is_named(forge):
    with pytest.raises(IssueError, match="99"):
        forge.issue(99)
    with pytest.raises(IssueError, match="99"):
        forge.comment(99, "m", "x")


def test_labels_are_added_and_removed_once(forge):
    for _ in range(2):
        forge.set_labels(7, add=["bridle", "bug"], remove=["gone"])
        assert set(forge.labels(7)) == {"bug", "bridle"}
    forge.set_labels(7, remove=["bug"])
    assert forge.labels(7) == ("bridle",)
    assert forge.issue(7).labels == ("bridle",)


def test_a_comment_is_written_once_found_again_and_brought_up_to_date(forge):
    assert forge.find_comment(7, "bridle:a/b") is None
    first = forge.comment(7, "bridle:a/b", "First.")
    again = forge.comment(7, "bridle:a/b", "First.")
    other = forge.comment(7, "bridle:a/c", "Other.")
    changed = forge.comment(7, "bridle:a/b", "Second.")
    assert first.url == again.url == changed.url != other.url
    assert "Second." in forge.find_comment(7, "bridle:a/b").body
    assert len(forge.issue(7).comments) == 3


@pytest.mark.parametrize("marker", ["a--b", "-->", "a>b", "ü"])
def test_any_marker_can_be_found_again(forge, marker):
    forge.comment(7, marker, "x")
    assert "x" in forge.find_comment(7, marker).body
    forge.comment(7, marker, "y")
    assert len(forge.issue(7).comments) == 2


def test_a_branch_has_one_open_pull_request(forge):
    assert forge.find_pull_request(DRAFT.head) is None
    first = forge.open_pull_request(DRAFT)
    again = forge.open_pull_request(DRAFT)
    assert first == again == forge.find_pull_request(DRAFT.head)
    assert (first.title, first.body, first.head, first.base, first.draft, first.state) == (
        "Fix it",
        "Because.",
        "bridle/issue-7",
        "main",
        True,
        "open",
    )


def closed_by_a_person(forge, number):
    if isinstance(forge, LocalForge):
        file = forge._pull_file(number)
        file.write_text(file.read_text().replace("state: open", "state: closed"))
    else:
        forge._repository.get_pull(number).edit(state="closed")


def test_a_pull_request_is_brought_up_to_date_closed_and_opened_anew(forge):
    first = forge.open_pull_request(DRAFT)
    changed = forge.update_pull_request(
        first.number, PullRequestDraft("New", "Text\n\n---\nmore", DRAFT.head, "main")
    )
    assert (changed.number, changed.title, changed.body) == (first.number, "New", "Text\n\n---\nmore")
    closed_by_a_person(forge, first.number)
    assert forge.find_pull_request(DRAFT.head) is None
    assert forge.open_pull_request(DRAFT).number != first.number


def test_a_pull_request_is_closed_and_closed_already_is_fine(forge):
    number = forge.open_pull_request(DRAFT).number
    forge.close_pull_request(number)
    forge.close_pull_request(number)
    assert forge.find_pull_request(DRAFT.head) is None


def test_a_pull_request_that_is_not_there_is_an_error(forge):
    with pytest.raises(RepositoryError, match="4711"):
        forge.update_pull_request(4711, DRAFT)
    with pytest.raises(RepositoryError, match="4711"):
        forge.close_pull_request(4711)


def test_many_who_open_the_same_pull_request_open_one(forge):
    with ThreadPoolExecutor(4) as pool:
        opened = set(pool.map(lambda _: forge.open_pull_request(DRAFT).number, range(8)))
    assert len(opened) == 1


def test_branches_need_a_mirror(local):
    with pytest.raises(RepositoryError, match="mirror"):
        local.branch("main")
