"""Checks that the harness ran, and decisions that somebody made."""

from uuid import UUID

from sqlalchemy import RowMapping, insert

from bridle.ledger.ids import new_id
from bridle.ledger.part import Part, attempt_of, attempt_values
from bridle.ledger.records import Attempt, CheckRow, DecisionRow
from bridle.ledger.schema import check_run, decision

_TAIL = 8_000


class Checks(Part):
    """Facts that are only ever added."""

    def record_check(
        self,
        attempt: Attempt,
        session_id: UUID | None,
        *,
        round: int,
        name: str,
        command: str,
        commit: str | None,
        exit_code: int | None,
        seconds: float,
        tail: str,
        artifact: str | None,
        timed_out: bool,
    ) -> UUID:
        """Write down one run of a check.

        Args:
            attempt: who ran it.
            session_id: the session whose work it judged, if any.
            round: the step's round.
            name: the check's name in repositories.yaml.
            command: what was run.
            commit: what it was run on.
            exit_code: None when it was killed.
            seconds: how long it took.
            tail: the end of its output; the last 8,000 characters are kept.
            artifact: the whole output.
            timed_out: its time was up.
        """
        check_id = new_id()
        with self._db.transaction() as connection:
            connection.execute(
                insert(check_run).values(
                    id=check_id,
                    **attempt_values(attempt),
                    session_id=session_id,
                    round=round,
                    name=self._door.line(name),
                    command=self._door.text(command),
                    commit=commit,
                    exit_code=exit_code,
                    seconds=seconds,
                    tail=self._door.tail(tail, _TAIL),
                    artifact=artifact,
                    timed_out=timed_out,
                )
            )
        return check_id

    def decide(
        self,
        attempt: Attempt,
        *,
        what: str,
        options: list[str],
        choice: str,
        why: str,
        confidence: float | None,
        by: str,
    ) -> UUID:
        """Write down a choice.

        Args:
            attempt: in which step.
            what: the question.
            options: what could have been chosen.
            choice: what was.
            why: the reason, in the decider's words.
            confidence: 0 to 1, if the decider says so.
            by: `rule`, `model:<role>`, `human:<user>` or `policy`.
        """
        decision_id = new_id()
        with self._db.transaction() as connection:
            connection.execute(
                insert(decision).values(
                    id=decision_id,
                    **attempt_values(attempt),
                    what=self._door.line(what),
                    options=self._door.json(options),
                    choice=self._door.line(choice),
                    why=self._door.text(why),
                    confidence=confidence,
                    by=self._door.line(by),
                )
            )
        return decision_id


def check_of(row: RowMapping) -> CheckRow:
    """A check from its row."""
    plain = {name: row[name] for name in CheckRow.__dataclass_fields__ if name != "attempt"}
    return CheckRow(attempt=attempt_of(row), **plain)


def decision_of(row: RowMapping) -> DecisionRow:
    """A decision from its row."""
    plain = {name: row[name] for name in DecisionRow.__dataclass_fields__ if name != "attempt"}
    return DecisionRow(attempt=attempt_of(row), **plain)
