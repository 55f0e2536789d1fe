"""A session, and those that go on from its checkpoint when its provider goes away in the middle.

Before a session's first answer the gateway itself asks the next model of the role's fallback. After it a
conversation stays with its model, so the next model begins a session of its own, on the work so far.
"""

import logging
from dataclasses import replace

from bridle.errors import ProviderDown
from bridle.harness.bench import Bench
from bridle.harness.session import Assignment, Report, Session
from bridle.ledger.records import SessionRow

log = logging.getLogger(__name__)


def run_session(
    bench: Bench, assignment: Assignment, *, round: int, base: str, interrupted: SessionRow | None
) -> Report:
    """Run a session to its end, on as many models of its role's fallback as it takes.

    Args:
        bench: where it works.
        assignment: what it is asked.
        round: of the step, from 1.
        base: commit to start from; empty without a repository.
        interrupted: the session of an earlier attempt to go on from.

    Raises:
        BudgetSpent, StopRequested, FenceLost, SessionFailed, CredentialError: nothing to retry.
        SessionLost, ProviderDown: a retry goes on from the last checkpoint.
    """
    instead_of: tuple[str, str] | None = None
    while True:
        session = Session(
            bench, assignment, round=round, base=base, interrupted=interrupted, instead_of=instead_of
        )
        try:
            return session.run()
        except ProviderDown as error:
            if not session.left or session.row is None:
                raise
            log.warning("%s; %s goes on from its checkpoint", error, session.left[0])
            instead_of = (f"{session.row.provider}:{session.row.model}", str(error))
            interrupted = session.row
            role = assignment.role
            connection = role.connection if session.left[0].startswith(f"{role.provider}:") else None
            changes = {"model": session.left[0], "fallback": session.left[1:], "connection": connection}
            assignment = replace(assignment, role=role.model_copy(update=changes))
