"""GitHub.com and GitHub Enterprise, through PyGithub."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bridle.config.repositories import Repository
from bridle.errors import IssueError, RepositoryError
from bridle.forge.access import Access
from bridle.forge.base import Comment, Issue, IssueHead, Listing, PullRequest, PullRequestDraft
from bridle.forge.branches import Branches
from bridle.workspace.mirror import Mirror

if TYPE_CHECKING:
    from github import Github
    from github.Issue import Issue as RemoteIssue
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest as RemotePull
    from github.Repository import Repository as RemoteRepository


@dataclass(frozen=True)
class Answer:
    """One page of a list."""

    data: Any
    etag: str
    more: bool


class GitHubForge(Branches):
    """One repository on GitHub."""

    def __init__(self, name: str, access: Access, mirror: Mirror | None = None) -> None:
        """
        Args:
            name: `owner/name`.
            access: key and address.
            mirror: has the commits; needed for branches only.
        """
        super().__init__(mirror)
        self._name = name
        self._access = access

    @classmethod
    def from_connection(cls, repository: Repository, mirror: Mirror | None = None) -> "GitHubForge":
        """With the repository's Airflow connection.

        Raises:
            CredentialError: the connection is missing or holds no key.
        """
        return cls(repository.name, Access.from_connection(repository.connection), mirror)

    def issue(self, number: int) -> Issue:
        """See `Forge.issue`."""
        found = self._issue(number)
        with self._access.asking(f"comments of {self._name}#{number}"):
            comments = tuple(map(_comment, found.get_comments()))
        raw = found.raw_data
        if raw.get("pull_request"):
            raise IssueError(f"{self._name}#{number} is a pull request, not an issue")
        return Issue(
            number=number,
            title=raw["title"],
            body=raw.get("body") or "",
            author=_login(raw),
            association=raw.get("author_association") or "NONE",
            labels=_labels(found),
            state=raw["state"],
            locked=bool(raw.get("locked")),
            comments=comments,
            url=raw["html_url"],
            updated_at=raw["updated_at"],
        )

    def list_issues(self, label: str, *, etag: str = "", since: str = "") -> Listing | None:
        """See `Forge.list_issues`."""
        asked = {"state": "open", "labels": label, "sort": "updated", "direction": "desc", "per_page": 100}
        found: dict[int, IssueHead] = {}
        answer: Answer | None = None
        page = 1
        while answer is None or answer.more:
            known = etag if page == 1 else ""
            following = self._get(f"/repos/{self._name}/issues", {**asked, "page": page}, etag=known)
            if following is None:
                return None
            answer, first = following, answer or following
            # an issue that changes while pages are read moves to the front, and another one is seen twice
            heads = [_head(raw) for raw in answer.data if not raw.get("pull_request")]
            for head in heads:
                found.setdefault(head.number, head)
            if any(raw["updated_at"] < since for raw in answer.data):
                break
            page += 1
        return Listing(tuple(found.values()), first.etag)

    def cause(self, number: int, label: str) -> str:
        """See `Forge.cause`."""
        last, page, more = "opened", 1, True
        while more:
            asked = {"per_page": 100, "page": page}
            answer = self._get(f"/repos/{self._name}/issues/{number}/events", asked)
            for event in answer.data if answer else ():
                labelled = event.get("event") == "labeled" and event.get("label", {}).get("name") == label
                if labelled or event.get("event") == "reopened":
                    last = f"event-{event['id']}"
            more, page = bool(answer and answer.more), page + 1
        return last

    def labels(self, number: int) -> tuple[str, ...]:
        """See `Forge.labels`."""
        return _labels(self._issue(number))

    def set_labels(self, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """See `Forge.set_labels`."""
        issue = self._issue(number)
        there = _labels(issue)
        with self._access.asking(f"labels of {self._name}#{number}"):
            if new := [label for label in add if label not in there]:
                issue.add_to_labels(*new)
            for label in set(remove) & set(there):
                issue.remove_from_labels(label)

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """See `Forge.find_comment`."""
        found = self._marked(self._issue(number), marker)
        return None if found is None else _comment(found)

    def comment(self, number: int, marker: str, body: str) -> Comment:
        """See `Forge.comment`."""
        issue = self._issue(number)
        text = f"<!-- {_line(marker)} -->\n{body}"
        found = self._marked(issue, marker)
        with self._access.asking(f"a comment on {self._name}#{number}"):
            if found is None:
                return _comment(issue.create_comment(text))
            if found.body != text:
                found.edit(text)
            return _comment(found)

    def find_pull_request(self, head: str) -> PullRequest | None:
        """See `Forge.find_pull_request`."""
        with self._access.asking(f"pull requests of {self._name}"):
            owner = self._name.partition("/")[0]
            for pull in self._repository.get_pulls(state="open", head=f"{owner}:{head}"):
                if pull.head.ref == head:
                    return _pull(pull)
        return None

    def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """See `Forge.open_pull_request`."""
        found = self.find_pull_request(draft.head)
        if found is not None:
            return found
        try:
            with self._access.asking(f"a pull request of {draft.head} into {draft.base} of {self._name}"):
                return _pull(
                    self._repository.create_pull(
                        base=draft.base,
                        head=draft.head,
                        title=draft.title,
                        body=draft.body,
                        draft=draft.draft,
                        maintainer_can_modify=True,
                    )
                )
        except RepositoryError as error:
            if found := self.find_pull_request(draft.head):  # somebody was faster
                return found
            if "draft" in str(error).lower() and "not supported" in str(error).lower():
                raise RepositoryError(f"{error}. This repository has no drafts; set draft=False") from error
            raise

    def update_pull_request(self, number: int, draft: PullRequestDraft) -> PullRequest:
        """See `Forge.update_pull_request`."""
        with self._access.asking(f"pull request {self._name}#{number}"):
            pull = self._repository.get_pull(number)
            if (pull.title, pull.body or "") != (draft.title, draft.body):
                pull.edit(title=draft.title, body=draft.body)
            return _pull(pull)

    def close_pull_request(self, number: int) -> None:
        """See `Forge.close_pull_request`."""
        with self._access.asking(f"pull request {self._name}#{number}"):
            pull = self._repository.get_pull(number)
            if pull.state == "open":
                pull.edit(state="closed")

    @cached_property
    def _repository(self) -> "RemoteRepository":
        with self._access.asking(f"repository {self._name}"):
            return self._access.client().get_repo(self._name)

    def _get(self, path: str, asked: dict[str, Any], *, etag: str = "") -> "Answer | None":
        """One page of a list, with what PyGithub's lists do not tell; None when it is the one of `etag`."""
        import json

        from github.Requester import Requester

        with self._access.asking(f"{path} of {self._name}"):
            status, headers, text = self._client.requester.requestJson(
                "GET", path, parameters=asked, headers={"If-None-Match": etag} if etag else None
            )
            if status == 304:
                return None
            data = json.loads(text) if text else None
            if status >= 400:
                raise Requester.createException(status, headers, data or {})
        return Answer(data, headers.get("etag", ""), 'rel="next"' in headers.get("link", ""))

    @cached_property
    def _client(self) -> "Github":
        return self._access.client()

    def _issue(self, number: int) -> "RemoteIssue":
        repository = self._repository
        with self._access.asking(f"issue {self._name}#{number}", missing=IssueError):
            return repository.get_issue(number)

    def _marked(self, issue: "RemoteIssue", marker: str) -> "IssueComment | None":
        """Our comment that carries the marker; anybody can write the same marker into a comment of theirs."""
        with self._access.asking(f"comments of {self._name}#{issue.number}"):
            for comment in issue.get_comments():
                if (comment.body or "").startswith(f"<!-- {_line(marker)} -->") and self._is_ours(comment):
                    return comment
        return None

    def _is_ours(self, comment: "IssueComment") -> bool:
        if self._login is None:  # a GitHub App may not ask who it is
            return bool(comment.user.type == "Bot")
        return bool(comment.user.login == self._login)

    @cached_property
    def _login(self) -> str | None:
        from github import GithubException

        with self._access.asking("who the connection is"):
            try:
                return str(self._access.client().get_user().login)
            except GithubException as error:
                if error.status == 403:
                    return None
                raise


def _comment(comment: "IssueComment") -> Comment:
    # not `raw_data`: that asks for every comment once more
    return Comment(
        author=comment.user.login if comment.user else "",
        association=comment.author_association or "NONE",
        body=comment.body or "",
        created_at=comment.created_at.isoformat(),
        url=comment.html_url,
    )


def _head(raw: dict[str, Any]) -> IssueHead:
    return IssueHead(
        number=raw["number"],
        author=_login(raw),
        association=raw.get("author_association") or "NONE",
        labels=tuple(label["name"] for label in raw.get("labels", ())),
        locked=bool(raw.get("locked")),
        updated_at=raw["updated_at"],
    )


def _pull(pull: "RemotePull") -> PullRequest:
    return PullRequest(
        number=pull.number,
        url=pull.html_url,
        title=pull.title,
        body=pull.body or "",
        head=pull.head.ref,
        base=pull.base.ref,
        draft=bool(pull.draft),
        state=pull.state,
    )


def _login(raw: dict[str, Any]) -> str:
    """Empty for a deleted account."""
    return str((raw.get("user") or {}).get("login") or "")


def _labels(issue: "RemoteIssue") -> tuple[str, ...]:
    return tuple(label.name for label in issue.labels)


def _line(marker: str) -> str:
    """The marker as it can stand inside of an HTML comment."""
    return marker.replace("--", "- -").replace(">", "")
