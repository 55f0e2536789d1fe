"""A forge without a server: a git remote, a folder of issues, and a folder of pull requests beside it.

::

    issues/7.md             the issue: title, author, labels … as front matter, then its text (or 7.yaml)
    issues/7/labels.md      its labels, once Bridle has changed them
    issues/7/<digest>.md    a comment of Bridle's
    pulls/1.md              a pull request
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridle.config.repositories import Repository
from bridle.errors import IssueError, RepositoryError
from bridle.forge.base import Comment, Issue, IssueHead, Listing, PullRequest, PullRequestDraft
from bridle.forge.branches import Branches
from bridle.forge.document import Document
from bridle.workspace.lock import locked
from bridle.workspace.mirror import Mirror

US = "bridle"
"""Author of what Bridle writes."""


class LocalForge(Branches):
    """Issues and pull requests as files; safe to use from several processes, and to kill at any moment."""

    def __init__(self, issues: Path, pulls: Path, mirror: Mirror | None = None) -> None:
        """
        Args:
            issues: folder of the issue files.
            pulls: folder for pull requests; made when it is missing.
            mirror: has the commits; needed for branches only.
        """
        super().__init__(mirror)
        self._issues = issues
        self._pulls = pulls

    @classmethod
    def of(cls, repository: Repository, mirror: Mirror | None) -> "LocalForge":
        """The forge that repositories.yaml describes; pull requests are written beside the issues."""
        if repository.issues is None:
            raise RepositoryError(
                f"repository {repository.name}: forge `local` needs `issues` in repositories.yaml"
            )
        issues = repository.issues.expanduser().absolute()
        return cls(issues, issues.parent / "pulls", mirror)

    def issue(self, number: int) -> Issue:
        """See `Forge.issue`."""
        path = self._issue_file(number)
        document = Document.read(path)
        head = document.head
        return Issue(
            number=number,
            title=str(head.get("title", "")) or document.body.partition("\n")[0].lstrip("# "),
            body=document.body,
            author=str(head.get("author", "local")),
            association=str(head.get("association", "OWNER")),
            labels=self.labels(number),
            state=str(head.get("state", "open")),
            locked=bool(head.get("locked", False)),
            comments=(*self._comments(path, head.get("comments") or ()), *self._our_comments(number)),
            url=path.as_uri(),
            updated_at=datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(),
        )

    def list_issues(self, label: str, *, etag: str = "", since: str = "") -> Listing | None:
        """See `Forge.list_issues`."""
        files = sorted([*self._issues.glob("*.*"), *self._issues.glob("*/labels.md")])
        changes = [f"{path} {path.stat().st_mtime_ns}" for path in files if not path.name.startswith(".")]
        now = hashlib.sha256("\n".join(changes).encode()).hexdigest()
        if now == etag:
            return None
        numbers = sorted({int(path.stem) for path in files if path.stem.isdigit()})
        issues = [
            issue for issue in map(self.issue, numbers) if issue.state == "open" and label in issue.labels
        ]
        heads = [
            IssueHead(
                issue.number, issue.author, issue.association, issue.labels, issue.locked, issue.updated_at
            )
            for issue in sorted(issues, key=lambda issue: issue.updated_at, reverse=True)
        ]
        return Listing(tuple(heads), now)

    def cause(self, number: int, label: str) -> str:
        """See `Forge.cause`; here a number `reopened` at the head of the issue's file counts the times."""
        return f"opened-{Document.read(self._issue_file(number)).head.get('reopened', 0)}"

    def labels(self, number: int) -> tuple[str, ...]:
        """See `Forge.labels`."""
        path = self._issue_file(number)
        changed = self._beside(number) / "labels.md"
        found = Document.read(changed if changed.exists() else path).head.get("labels") or ()
        return tuple(map(str, found))

    def set_labels(self, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """See `Forge.set_labels`."""
        self._issue_file(number)
        with locked(self._lock(self._issues), wait_seconds=30):
            before = self.labels(number)
            after = [label for label in dict.fromkeys((*before, *add)) if label not in set(remove)]
            if list(before) != after:
                Document({"labels": after}, "").write(self._beside(number) / "labels.md")

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """See `Forge.find_comment`."""
        self._issue_file(number)
        path = self._comment_file(number, marker)
        return _comment(path) if path.exists() else None

    def comment(self, number: int, marker: str, body: str) -> Comment:
        """See `Forge.comment`."""
        self._issue_file(number)
        path = self._comment_file(number, marker)
        with locked(self._lock(self._issues), wait_seconds=30):
            created = Document.read(path).head["created_at"] if path.exists() else _now()
            Document(
                {"author": US, "association": "MEMBER", "created_at": created, "marker": marker}, body
            ).write(path)
        return _comment(path)

    def find_pull_request(self, head: str) -> PullRequest | None:
        """See `Forge.find_pull_request`."""
        found = (pull for pull in self._all_pulls() if pull.head == head and pull.state == "open")
        return next(found, None)

    def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """See `Forge.open_pull_request`."""
        with locked(self._lock(self._pulls), wait_seconds=30):
            found = self.find_pull_request(draft.head)
            if found is not None:
                return found
            number = 1 + max((pull.number for pull in self._all_pulls()), default=0)
            return self._write_pull(number, draft, created_at=_now())

    def update_pull_request(self, number: int, draft: PullRequestDraft) -> PullRequest:
        """See `Forge.update_pull_request`."""
        with locked(self._lock(self._pulls), wait_seconds=30):
            before = Document.read(self._pull_file(number)).head
            return self._write_pull(number, draft, created_at=before.get("created_at", _now()))

    def close_pull_request(self, number: int) -> None:
        """See `Forge.close_pull_request`."""
        with locked(self._lock(self._pulls), wait_seconds=30):
            path = self._pull_file(number)
            document = Document.read(path)
            Document({**document.head, "state": "closed"}, document.body).write(path)

    def _write_pull(self, number: int, draft: PullRequestDraft, *, created_at: str) -> PullRequest:
        head = {
            "title": draft.title,
            "head": draft.head,
            "base": draft.base,
            "draft": draft.draft,
            "state": "open",
            "created_at": created_at,
        }
        path = self._pulls / f"{number}.md"
        Document(head, draft.body).write(path)
        return _pull(path)

    def _all_pulls(self) -> Iterator[PullRequest]:
        return (
            _pull(path) for path in sorted(self._pulls.glob("[0-9]*.md"), key=lambda path: int(path.stem))
        )

    def _pull_file(self, number: int) -> Path:
        path = self._pulls / f"{number}.md"
        if not path.is_file():
            raise RepositoryError(f"there is no pull request {number} in {self._pulls}")
        return path

    def _issue_file(self, number: int) -> Path:
        for suffix in (".md", ".yaml", ".yml"):
            path = self._issues / f"{number}{suffix}"
            if path.is_file():
                return path
        known = sorted(int(path.stem) for path in self._issues.glob("*.*") if path.stem.isdigit())
        listed = ", ".join(map(str, known)) or "none"
        raise IssueError(f"there is no issue {number} in {self._issues}; there are: {listed}")

    def _beside(self, number: int) -> Path:
        return self._issues / str(number)

    def _comment_file(self, number: int, marker: str) -> Path:
        return self._beside(number) / f"{hashlib.sha256(marker.encode()).hexdigest()[:16]}.md"

    def _our_comments(self, number: int) -> Iterator[Comment]:
        paths = [path for path in self._beside(number).glob("*.md") if path.stem != "labels"]
        return iter(sorted(map(_comment, paths), key=lambda comment: comment.created_at))

    def _comments(self, path: Path, entries: Any) -> Iterator[Comment]:
        for entry in entries:
            if not isinstance(entry, dict):
                raise IssueError(f"{path}: every entry of `comments` must be a mapping with author and body")
            yield Comment(
                author=str(entry.get("author", "local")),
                association=str(entry.get("association", "OWNER")),
                body=str(entry.get("body", "")),
                created_at=str(entry.get("created_at", "")),
                url=path.as_uri(),
            )

    def _lock(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder / ".lock"


def _comment(path: Path) -> Comment:
    document = Document.read(path)
    head = document.head
    return Comment(
        US, str(head.get("association")), document.body, str(head.get("created_at")), path.as_uri()
    )


def _pull(path: Path) -> PullRequest:
    document = Document.read(path)
    head = document.head
    return PullRequest(
        number=int(path.stem),
        url=path.as_uri(),
        title=str(head.get("title", "")),
        body=document.body,
        head=str(head.get("head", "")),
        base=str(head.get("base", "")),
        draft=bool(head.get("draft", True)),
        state=str(head.get("state", "open")),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
