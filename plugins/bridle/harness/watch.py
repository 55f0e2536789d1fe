"""Issues that want to be worked on, each found once, whatever overlaps, fails, or is done again."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pydantic import Field

from bridle.config.repositories import Repository, Watch
from bridle.errors import BridleError, CredentialError, EffectUncertain, ForgeDown, RepositoryError
from bridle.forge import open_forge
from bridle.forge.base import Forge, Listing
from bridle.guard.author_gate import AuthorGate
from bridle.harness.label import label
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.ledger.watches import FAILED, STARTED, SUCCEEDED, WAITING, Cause, IssueAttempt, Look

log = logging.getLogger(__name__)

NEEDS_HUMAN = "bridle:needs-human"
"""Label of issues that are left alone until somebody takes it off and labels them anew."""
AT_MOST = 30
"""Runs that one look may start; Airflow maps no more than 1024, and a step hands on no more than 2 KB."""

RunState = Callable[[str], str | None]
"""Run id to Airflow's state of that run; None: there is no such run."""


class Watched(StepResult):
    """What a look came to."""

    start: list[str] = Field(default_factory=list, exclude=True)
    """Attempts whose runs are to be started, as `repository#number/attempt`."""


def watch(step: Step, repositories: Sequence[Repository], run_state: RunState) -> Watched:
    """Look at every watched repository, and say which runs are to be started.

    An attempt is kept in the ledger before its run is started, and is named again by every look until the run
    is there; its run id is its own. So it is started once, whoever is killed where.

    Args:
        step: the watching step.
        repositories: those of repositories.yaml; others than watched ones are passed over.
        run_state: asks Airflow.

    Raises:
        ForgeDown: the forge cannot be reached, and does not say when to come back; other repositories have
            been looked at first, and none has anything to start.
        CredentialError, RepositoryError, EffectUncertain: see `bridle.errors`; likewise.
    """
    start: list[str] = []
    told: list[str] = []
    failed: list[BridleError] = []
    for repository in repositories:
        wanted = repository.watch
        if wanted is None:
            continue
        for part in (partial(_settle, run_state=run_state), _look):
            step.verify()
            try:
                told += part(step, repository, wanted)
            except ForgeDown as error:
                if error.retry_after is None:
                    failed.append(error)
                else:
                    step.ledger.wait(repository.name, error.retry_after)
                    told.append(f"{error}: left alone for {error.retry_after:.0f} s")
            except (CredentialError, RepositoryError, EffectUncertain) as error:
                failed.append(error)
        start += _next(step, repository, wanted)
    start = start[:AT_MOST]
    if failed and not start:
        raise next((error for error in failed if not isinstance(error, ForgeDown)), failed[0])
    told += [str(error) for error in failed]
    told += [f"{attempt}: starting" for attempt in start]
    for line in told:
        log.info("%s", line)
    return Watched(
        start=start,
        summary=("; ".join(told) or "nothing to do")[:500],
        result={"started": len(start)},
    )


def parse(attempt: str) -> tuple[str, int, int]:
    """Repository, issue and attempt out of `repository#number/attempt`."""
    repository, _, rest = attempt.rpartition("#")
    number, _, count = rest.partition("/")
    return repository, int(number), int(count)


def _settle(step: Step, repository: Repository, wanted: Watch, run_state: RunState) -> list[str]:
    """Bring the open attempts in line with their runs; an issue that failed too often goes to a human."""
    told: list[str] = []
    for attempt in step.ledger.attempts(repository.name, only_open=True):
        state = run_state(attempt.run_id)
        if state == "success":
            step.ledger.set_attempt(attempt, SUCCEEDED)
        elif state == "failed" or (state is None and attempt.state == STARTED):
            if _failures(step, attempt) + 1 >= wanted.failures:
                told.append(f"#{attempt.number} of {repository.name} failed too often; a human has to look")
                label(step, repository, attempt.number, (NEEDS_HUMAN,), ())
            step.ledger.set_attempt(attempt, FAILED)
        elif state is not None and attempt.state == WAITING:
            step.ledger.set_attempt(attempt, STARTED)
    return told


def _failures(step: Step, attempt: IssueAttempt) -> int:
    """Failed attempts in a row before this one."""
    count = 0
    for before in reversed(step.ledger.attempts(attempt.repo, number=attempt.number)):
        if before.attempt < attempt.attempt:
            if before.state != FAILED:
                break
            count += 1
    return count


def _look(step: Step, repository: Repository, wanted: Watch) -> list[str]:
    """Ask the forge, with one request when nothing has changed; returns what is new, for people."""
    left = step.ledger.waiting(repository.name)
    if left:
        return [f"{repository.name} is left alone for another {left:.0f} s"]
    before = step.ledger.last_look(repository.name)
    config = hashlib.sha256(f"{wanted.label} {sorted(repository.authors)}".encode()).hexdigest()
    if before is None or before.config != config:
        before = Look(config, "", "")
    forge = open_forge(repository)
    listing = forge.list_issues(wanted.label, etag=before.etag, since=before.cursor)
    if listing is None:
        return []
    found: list[Cause] = []
    try:
        found.extend(_causes(repository, wanted, forge, listing, before))
    except ForgeDown:
        # what was found is kept, and the next look reads the same list again
        step.ledger.looked(repository.name, before, found)
        raise
    cursor = max([issue.updated_at for issue in listing.issues] + [before.cursor])
    made = step.ledger.looked(repository.name, Look(config, listing.etag, cursor), found)
    return [
        f"#{attempt.number} of {repository.name}: attempt {attempt.attempt} ({attempt.cause})"
        for attempt in made
    ]


def _causes(
    repository: Repository, wanted: Watch, forge: Forge, listing: Listing, before: Look
) -> Iterator[Cause]:
    gate = AuthorGate(allow=set(repository.authors))
    for issue in listing.issues:
        if issue.updated_at < before.cursor or issue.locked or NEEDS_HUMAN in issue.labels:
            continue
        if not gate.allows(issue.author, issue.association):
            log.info(
                "#%d of %s is by %s, who may not start work", issue.number, repository.name, issue.author
            )
            continue
        yield Cause(issue.number, forge.cause(issue.number, wanted.label))


def _next(step: Step, repository: Repository, wanted: Watch) -> list[str]:
    """Waiting attempts that may start now: one at a time for each issue, and no more than configured."""
    attempts = step.ledger.attempts(repository.name, only_open=True)
    busy = {attempt.number for attempt in attempts if attempt.state == STARTED}
    free = wanted.at_most - len([attempt for attempt in attempts if attempt.state == STARTED])
    start: list[str] = []
    for attempt in attempts:
        if attempt.state == WAITING and attempt.number not in busy and len(start) < free:
            busy.add(attempt.number)
            start.append(f"{repository.name}#{attempt.number}/{attempt.attempt}")
    return start
