"""Whose words may start work."""

from collections.abc import Iterable

from bridle.errors import IssueError

TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's words for people who can write to the repository."""


class AuthorGate:
    """Lets people through who can write to the repository, and those on a list. Bots are nobody special."""

    def __init__(self, allow: Iterable[str] = (), associations: Iterable[str] = TRUSTED) -> None:
        """
        Args:
            allow: further logins, upper and lower case alike; whole names only, there are no wildcards.
            associations: relations to the repository that are enough.
        """
        self._allow = frozenset(login.casefold() for login in allow)
        self._associations = frozenset(associations)

    def allows(self, author: str, association: str) -> bool:
        """Whether this author's text may be worked on."""
        return association in self._associations or (author != "" and author.casefold() in self._allow)

    def check(self, author: str, association: str, *, of: str = "an issue") -> None:
        """Let the author of something through.

        Raises:
            IssueError: not allowed; the message says how to allow them.
        """
        if not self.allows(author, association):
            raise IssueError(
                f"{of}: its author, {author or 'a deleted account'} "
                f"({association or 'no relation to the repository'}), may not start work here; to allow it, "
                "add the login to the repository's `authors` in repositories.yaml"
            )
