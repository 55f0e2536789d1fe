"""Reviews: what a human was shown and answered, tied to one commit."""

import hashlib
import json
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, update

from bridle.errors import ConfigError, ReviewMismatch
from bridle.ledger.ids import new_id
from bridle.ledger.part import Part, attempt_of, attempt_values, of_step
from bridle.ledger.records import Attempt, ReviewRow, StepKey
from bridle.ledger.schema import review

APPROVE = "approve"
REJECT = "reject"
WITHDRAWN = "withdrawn"
"""Nobody answered, and nobody needs to any more."""

DIFF = "diff"
TEXT = "question"
"""Keys of a review's snapshot under which artifacts are kept: the patch, and the text with the question."""

ABOUT = "bridle_about"
"""Field of the form that says what is shown, so that an answer names it; a workflow has fields of its own."""


class Reviews(Part):
    """Asking and answering."""

    def open_review(
        self, attempt: Attempt, *, subject: str, commit: str, patch_hash: str, snapshot: dict[str, Any]
    ) -> UUID:
        """Write down what a human is about to be shown; the same open question keeps its id.

        What this step asked before, of another commit or before it was cleared, is withdrawn.

        Args:
            attempt: the asking step.
            subject: the question in one line.
            commit: what an approval is for.
            patch_hash: hash of the patch shown.
            snapshot: everything shown besides.
        """
        mine = (
            of_step(review, attempt.step)
            & (review.c.generation <= attempt.generation)
            & review.c.decision.is_(None)
        )
        same = (
            mine
            & (review.c.generation == attempt.generation)
            & (review.c.commit == commit)
            & (review.c.patch_hash == patch_hash)
        )
        review_id = new_id()
        with self._db.transaction() as connection:
            asked: UUID | None = connection.scalar(select(review.c.id).where(same).limit(1))
            if asked is not None:
                return asked
            connection.execute(update(review).where(mine).values(**self._withdrawn("asked anew")))
            connection.execute(
                insert(review).values(
                    id=review_id,
                    **attempt_values(attempt),
                    subject=self._door.line(subject),
                    commit=commit,
                    patch_hash=patch_hash,
                    snapshot=self._door.json(snapshot),
                )
            )
        return review_id

    def answer_review(self, review_id: UUID, *, decision: str, by: str, feedback: str = "") -> bool:
        """Write a human's answer; the same answer a second time changes nothing.

        Args:
            review_id: from `open_review`.
            decision: `approve` or `reject`, in any case.
            by: `human:<user>`, or `policy` after a time-out.
            feedback: what should be different.

        Returns:
            False: it had this answer already.

        Raises:
            ConfigError: no such review, or no such decision.
            ReviewMismatch: it was answered otherwise before.
        """
        decision = decision.lower()
        if decision not in (APPROVE, REJECT):
            raise ConfigError(f"a review is answered with {APPROVE} or {REJECT}, not {decision!r}")
        with self._db.transaction() as connection:
            row = connection.execute(select(review).where(review.c.id == review_id).with_for_update()).first()
            if row is None:
                raise ConfigError(f"review {review_id} is not in this ledger")
            if row.decision == decision:
                return False
            if row.decision not in (None, WITHDRAWN):
                raise ReviewMismatch(
                    f"review {review_id} was already answered {row.decision} by {row.by}; clear the asking "
                    "step to ask again"
                )
            connection.execute(
                update(review)
                .where(review.c.id == review_id)
                .values(
                    decision=decision,
                    by=self._door.line(by),
                    feedback=self._door.text(feedback),
                    answered_at=func.clock_timestamp(),
                )
            )
        return True

    def withdraw_review(self, review_id: UUID, why: str) -> bool:
        """Say that nobody needs to answer any more; False: somebody has, or it was said before.

        Args:
            review_id: from `open_review`.
            why: for people.
        """
        unanswered = (review.c.id == review_id) & review.c.decision.is_(None)
        with self._db.transaction() as connection:
            done = connection.execute(update(review).where(unanswered).values(**self._withdrawn(why)))
            return done.rowcount > 0

    def _withdrawn(self, why: str) -> dict[str, Any]:
        said = self._door.text(why)
        return {
            "decision": WITHDRAWN,
            "by": "policy",
            "feedback": said,
            "answered_at": func.clock_timestamp(),
        }

    def review(self, review_id: UUID) -> ReviewRow | None:
        """One review; None when there is no such."""
        with self._db.transaction() as connection:
            row = connection.execute(select(review).where(review.c.id == review_id)).mappings().first()
        return None if row is None else review_of(row)

    def latest_review(self, attempt: Attempt) -> ReviewRow | None:
        """The newest review that this step asked for in this generation; None when it has not asked."""
        mine = of_step(review, attempt.step) & (review.c.generation == attempt.generation)
        with self._db.transaction() as connection:
            row = (
                connection.execute(select(review).where(mine).order_by(review.c.opened_at.desc()).limit(1))
                .mappings()
                .first()
            )
        return None if row is None else review_of(row)

    def reviews_of_run(self, step: StepKey) -> list[ReviewRow]:
        """Every review that the step's run asked for, oldest first."""
        run = (review.c.dag_id == step.dag_id) & (review.c.run_id == step.run_id)
        with self._db.transaction() as connection:
            rows = connection.execute(select(review).where(run).order_by(review.c.opened_at)).mappings()
            return [review_of(row) for row in rows]


def about(row: ReviewRow) -> str:
    """What an answer has to be for: the commit, or where there is none, a digest of the facts shown."""
    if row.commit:
        return row.commit
    shown = {name: value for name, value in row.snapshot.items() if name != TEXT}
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]


def review_of(row: RowMapping) -> ReviewRow:
    """A review from its row."""
    plain = {name: row[name] for name in ReviewRow.__dataclass_fields__ if name != "attempt"}
    return ReviewRow(attempt=attempt_of(row), **plain)
