"""What the watch knows from one look at a repository's issues to the next."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridle.ledger.part import Part
from bridle.ledger.schema import issue_attempt, watch

WAITING, STARTED, SUCCEEDED, FAILED = "waiting", "started", "succeeded", "failed"
"""States of an attempt: no run yet; its run is there; how the run ended."""


@dataclass(frozen=True)
class Look:
    """The last complete look at a repository."""

    config: str
    """Digest of what was looked for; another one makes the rest worthless."""
    etag: str
    """Of the forge's answer."""
    cursor: str
    """When the newest issue that was seen was last changed, as the forge says it."""


@dataclass(frozen=True)
class Cause:
    """Why an issue is worked on; the same cause again is no new attempt."""

    number: int
    cause: str


@dataclass(frozen=True)
class IssueAttempt:
    """One attempt at an issue: one run."""

    repo: str
    number: int
    attempt: int
    """From 1."""
    cause: str
    state: str
    run_id: str
    opened_at: datetime
    closed_at: datetime | None


class Watches(Part):
    """Looks and attempts."""

    def last_look(self, repo: str) -> Look | None:
        """The last complete look; None before the first one."""
        with self._db.transaction() as connection:
            row = connection.execute(select(watch).where(watch.c.repo == repo)).mappings().first()
        return None if row is None else Look(row["config"], row["etag"], row["cursor"])

    def looked(self, repo: str, look: Look, found: Iterable[Cause]) -> list[IssueAttempt]:
        """Keep what a look has found, all of it or nothing; returns the attempts that are new.

        Two looks at the same time, or the same one again, make no attempt twice.
        """
        made = []
        values = {"config": look.config, "etag": look.etag, "cursor": look.cursor}
        with self._db.transaction() as connection:
            # the row is taken first: another look waits here, and then sees these attempts
            connection.execute(
                insert(watch)
                .values(repo=repo, **values)
                .on_conflict_do_update(
                    index_elements=[watch.c.repo], set_={**values, "at": func.clock_timestamp()}
                )
            )
            for cause in found:
                before = select(func.coalesce(func.max(issue_attempt.c.attempt), 0)).where(
                    issue_attempt.c.repo == repo, issue_attempt.c.number == cause.number
                )
                attempt = int(connection.scalar(before) or 0) + 1
                row = {
                    "repo": repo,
                    "number": cause.number,
                    "attempt": attempt,
                    "cause": cause.cause,
                    "state": WAITING,
                    "run_id": run_id_of(repo, cause.number, attempt),
                }
                done = connection.execute(
                    insert(issue_attempt).values(**row).on_conflict_do_nothing().returning(*issue_attempt.c)
                )
                made += [IssueAttempt(**new) for new in done.mappings()]
        return made

    def attempts(
        self, repo: str, *, number: int | None = None, only_open: bool = False
    ) -> list[IssueAttempt]:
        """Attempts at a repository's issues, oldest first.

        Args:
            repo: the repository.
            number: of this issue only.
            only_open: those whose run has not ended.
        """
        wanted = select(issue_attempt).where(issue_attempt.c.repo == repo)
        if number is not None:
            wanted = wanted.where(issue_attempt.c.number == number)
        if only_open:
            wanted = wanted.where(issue_attempt.c.closed_at.is_(None))
        order = wanted.order_by(issue_attempt.c.opened_at, issue_attempt.c.number, issue_attempt.c.attempt)
        with self._db.transaction() as connection:
            return [IssueAttempt(**row) for row in connection.execute(order).mappings()]

    def set_attempt(self, attempt: IssueAttempt, state: str) -> None:
        """Write down how far an attempt's run is."""
        ended = func.clock_timestamp() if state in {SUCCEEDED, FAILED} else None
        one = update(issue_attempt).where(
            issue_attempt.c.repo == attempt.repo,
            issue_attempt.c.number == attempt.number,
            issue_attempt.c.attempt == attempt.attempt,
        )
        with self._db.transaction() as connection:
            connection.execute(one.values(state=state, closed_at=ended))

    def wait(self, repo: str, seconds: float) -> None:
        """Leave a forge alone that asks for it."""
        until = func.clock_timestamp() + text("make_interval(secs => :wait)").bindparams(wait=seconds)
        with self._db.transaction() as connection:
            connection.execute(
                insert(watch)
                .values(repo=repo, config="", wait_until=until)
                .on_conflict_do_update(index_elements=[watch.c.repo], set_={"wait_until": until})
            )

    def waiting(self, repo: str) -> float:
        """Seconds for which the forge still wants to be left alone; 0: none."""
        left = func.extract("epoch", watch.c.wait_until - func.clock_timestamp())
        with self._db.transaction() as connection:
            found = connection.scalar(select(left).where(watch.c.repo == repo))
        return max(0.0, float(found or 0))


def run_id_of(repo: str, number: int, attempt: int) -> str:
    """The id of the run that an attempt is: the same for everybody who asks, and no other attempt's."""
    slug = re.sub(r"[^A-Za-z0-9.-]", "_", repo.replace("/", "__"))
    if not re.fullmatch(r"[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+)?", repo):  # two of them may look the same now
        slug += "-" + hashlib.sha256(repo.encode()).hexdigest()[:6]
    return f"{slug}-{number}-attempt-{attempt}"
