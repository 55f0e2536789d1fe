"""How far a step got: what the ledger has of its earlier sessions and checks, as a place to go on from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridle.agents.base import Outcome

if TYPE_CHECKING:
    from bridle.ledger.records import CheckRow, SessionRow, StepState

RESUMABLE = frozenset({Outcome.LIMIT, Outcome.STOPPED})
"""Ends after which a cleared task goes on from the checkpoint; after any other it starts anew, unless the
session was done and only its check never came to an end."""


@dataclass(frozen=True)
class Place:
    """Where the next piece of work begins."""

    round: int
    base: str
    """Commit that the round's session starts, or started, from."""
    feedback: str = ""
    """The tail of the last failing check."""
    finished: "SessionRow | None" = None
    """This round's session, when it is done already."""
    verdict: "CheckRow | None" = None
    """The check of that session's commit, when it has run already."""
    interrupted: "SessionRow | None" = None
    """This round's session, when it ended without being done: it goes on from its checkpoint."""

    def next_round(self, commit: str, feedback: str) -> "Place":
        """The round after this one."""
        return Place(round=self.round + 1, base=commit, feedback=feedback)


def unchecked(state: "StepState") -> bool:
    """Whether the last session is done, and no check has judged it: a stop or a full disk came between."""
    last = state.sessions[-1] if state.sessions else None
    judged = {check.session_id for check in state.checks}
    return last is not None and last.outcome == Outcome.DONE and last.id not in judged


def find_place(state: "StepState", base: str) -> Place:
    """Read the place out of the ledger's account of this step.

    Args:
        state: sessions and checks of one generation of the step.
        base: commit that the first round starts from.
    """
    place = Place(round=1, base=base)
    for session in state.sessions:
        if session.round > place.round and place.finished is not None:
            tail = place.verdict.tail if place.verdict else ""
            place = place.next_round(place.finished.commit or place.base, tail)
        if session.outcome == Outcome.DONE:
            verdict = next(
                (check for check in reversed(state.checks) if check.session_id == session.id), None
            )
            place = Place(session.round, session.base_commit or place.base, place.feedback, session, verdict)
        else:
            place = Place(
                session.round, session.base_commit or place.base, place.feedback, interrupted=session
            )
    return place
