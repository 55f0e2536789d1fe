"""What Bridle needs of a place that holds issues and pull requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Comment:
    """A comment of an issue."""

    author: str
    association: str
    """The author's relation to the repository in GitHub's words: OWNER, MEMBER, COLLABORATOR, NONE …"""
    body: str
    created_at: str
    """ISO 8601."""
    url: str = ""


@dataclass(frozen=True)
class Issue:
    """An issue as the forge has it: untrusted text."""

    number: int
    title: str
    body: str
    author: str
    association: str
    labels: tuple[str, ...]
    state: str
    """`open` or `closed`."""
    locked: bool
    comments: tuple[Comment, ...]
    """Oldest first."""
    url: str
    updated_at: str
    """ISO 8601."""


@dataclass(frozen=True)
class IssueHead:
    """An issue as a list of issues has it, without its text."""

    number: int
    author: str
    association: str
    labels: tuple[str, ...]
    locked: bool
    updated_at: str
    """ISO 8601; sorts as text."""


@dataclass(frozen=True)
class Listing:
    """Open issues that carry a label, those that changed last first."""

    issues: tuple[IssueHead, ...]
    etag: str
    """Name of this answer: the same question with it costs next to nothing while nothing has changed."""


@dataclass(frozen=True)
class PullRequestDraft:
    """What a pull request shall say."""

    title: str
    body: str
    head: str
    """Branch with the change."""
    base: str
    """Branch to merge into."""
    draft: bool = True


@dataclass(frozen=True)
class PullRequest:
    """A pull request as the forge has it."""

    number: int
    url: str
    title: str
    body: str
    head: str
    base: str
    draft: bool
    state: str
    """`open` or `closed`."""


class Forge(Protocol):
    """Issues, branches and pull requests of one repository.

    Reading methods raise `CredentialError` (the connection's key is refused), `ForgeDown` (no answer, or 5xx)
    and `RepositoryError` (no such repository); writing ones too. No method asks a second time by itself for a
    write whose answer got lost: the effect looks what became of it first.
    """

    def issue(self, number: int) -> Issue:
        """The issue with its comments.

        Raises:
            IssueError: there is none.
        """
        ...

    def list_issues(self, label: str, *, etag: str = "", since: str = "") -> Listing | None:
        """Open issues with a label; None when nothing has changed since the answer named `etag`.

        Args:
            label: that they carry.
            etag: of the last answer.
            since: as `IssueHead.updated_at`: issues that were changed earlier may be left out.
        """
        ...

    def cause(self, number: int, label: str) -> str:
        """A name for the last time that the issue was given the label, or was opened again.

        Another comment or another label does not change it.
        """
        ...

    def labels(self, number: int) -> tuple[str, ...]:
        """The issue's labels."""
        ...

    def set_labels(self, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Add and remove labels; those that are as wanted already are left alone."""
        ...

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """The comment that carries `marker` and was written by us."""
        ...

    def comment(self, number: int, marker: str, body: str) -> Comment:
        """Write the comment that carries `marker`, or bring it up to date."""
        ...

    def branch(self, name: str) -> str | None:
        """The commit that the branch is at; None when there is no such branch."""
        ...

    def push(self, commit: str, branch: str, expected: str | None) -> None:
        """Put `commit` on `branch`, which must be at `expected` (None: not exist), or at `commit` already.

        Raises:
            RepositoryError: somebody else moved the branch.
        """
        ...

    def delete_branch(self, branch: str, expected: str) -> None:
        """Remove a branch that is still at `expected`; gone already is fine."""
        ...

    def find_pull_request(self, head: str) -> PullRequest | None:
        """The open pull request of branch `head`."""
        ...

    def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """Open a pull request; when one is open for this branch already, that one is returned."""
        ...

    def update_pull_request(self, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring title and body up to date."""
        ...

    def close_pull_request(self, number: int) -> None:
        """Close it without merging; closed already is fine."""
        ...
