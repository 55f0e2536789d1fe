"""An issue as data: fetched, gated by author, stripped of what is hidden, and fenced for prompts."""

import logging

from bridle.config.repositories import Repository
from bridle.errors import IssueError
from bridle.forge import open_forge
from bridle.forge.base import Issue
from bridle.guard.author_gate import AuthorGate
from bridle.guard.sanitize import fence_untrusted, sanitize
from bridle.harness.bench import Bench
from bridle.harness.check import require_command
from bridle.harness.reference import shrink
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.workspace.oddities import oddities

log = logging.getLogger(__name__)

MAX_BODY = 20_000
"""Bytes of one text of an issue that agents are shown."""


def fetch_issue(
    step: Step, repository: Repository, number: int, branch: str, *, check: str = ""
) -> StepResult:
    """Fetch the issue and pin the commit at the head of `branch`.

    Args:
        step: the step.
        repository: has the issue.
        number: of the issue.
        branch: to start from; empty: the repository's default.
        check: name of the check that the run will use; empty: the repository's first. It is only looked
            whether its program is there, before anything is spent.

    Raises:
        IssueError: not there, closed, locked, or its author is not allowed.
        RepositoryError: the repository, the branch or the check is unknown, there is no commit, or the
            check's program is not on this host.
        CredentialError: the forge refuses the connection's token.
        ForgeDown: the forge cannot be reached.
    """
    require_command(repository, check)
    issue = open_forge(repository).issue(number)
    gate = AuthorGate(allow=set(repository.authors))
    if issue.state != "open" or issue.locked:
        state = "locked" if issue.locked else issue.state
        raise IssueError(
            f"issue #{number} of {repository.name} is {state}; only open, unlocked issues are worked on: "
            "open or unlock it"
        )
    gate.check(issue.author, issue.association, of=f"issue #{number} of {repository.name}")
    bench = Bench(step, repository)
    commit = bench.resolve(branch or repository.base)
    for note in oddities(bench.mirror, commit):
        log.warning("%s: %s", repository.name, note)
    result = {
        "number": number,
        "title": sanitize(issue.title, max_bytes=300),
        "text": fence_untrusted(f"issue {number}", _text(issue, gate)),
        "labels": list(issue.labels),
        "author": issue.author,
        "url": issue.url,
    }
    return StepResult(
        commit=commit,
        base=commit,
        summary=f"#{number} {result['title']}"[:500],
        result=shrink(result, step.ledger, name="issue"),
    )


def _text(issue: Issue, gate: AuthorGate) -> str:
    """Title, body, and the comments of those who may give work; other people's comments are left out."""
    parts = [f"# {issue.title}", issue.body]
    parts += [
        f"## Comment by {comment.author}\n\n{comment.body}"
        for comment in issue.comments
        if gate.allows(comment.author, comment.association)
    ]
    return "\n\n".join(sanitize(part, max_bytes=MAX_BODY) for part in parts)
