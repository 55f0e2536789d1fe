"""Tasks of spec files: what became of each, and who works on a spec now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bridle.ledger.part import Part
from bridle.ledger.records import Fence, StepKey
from bridle.ledger.schema import claim, spec_task

OPEN, WORKING, LANDED, DONE, BLOCKED, GONE = "open", "working", "landed", "done", "blocked", "gone"
"""States of a task: nobody has it; a run works on it; its commit waits to be published; done; given up; no
longer in the file."""


@dataclass(frozen=True)
class SeenTask:
    """A task as one version of the file has it."""

    key: str
    title: str
    wording: str
    """Digest of what it asks for."""
    done: bool


@dataclass(frozen=True)
class TaskRow:
    """A task as the ledger has it."""

    spec: str
    """`<repository>:<path>`."""
    key: str
    position: int
    """In the order of work, from 1."""
    title: str
    wording: str
    state: str
    attempts: int
    """Failed ones, since it was last reworded or done."""
    reason: str
    """Why the last attempt came to nothing."""
    commit: str | None
    """Of the work, when it is done."""
    dag_id: str
    run_id: str
    """The last run that worked on it."""
    at: datetime


class Tasks(Part):
    """The ledger's account of spec files; the file is where people see it."""

    def spec_seen(self, spec: str, seen: Sequence[SeenTask]) -> dict[str, TaskRow]:
        """Bring the rows in line with the file, and return them by key.

        What a person ticked is done, what they unticked or reworded is open again with a clean record, and
        what they deleted is gone. A task that a dead run left in work is open.

        Args:
            spec: `<repository>:<path>`.
            seen: every task of the newest version, in the order of work.
        """
        keys = [task.key for task in seen]
        with self._db.transaction() as connection:
            for position, task in enumerate(seen, 1):
                told = {
                    "position": position,
                    "title": self._door.line(task.title),
                    "wording": task.wording,
                    "state": DONE if task.done else OPEN,
                }
                anew = (spec_task.c.wording != task.wording) | spec_task.c.state.in_((DONE, GONE))
                connection.execute(
                    insert(spec_task)
                    .values(spec=spec, key=task.key, **told)
                    .on_conflict_do_update(
                        index_elements=[spec_task.c.spec, spec_task.c.key],
                        set_={
                            **told,
                            "state": DONE
                            if task.done
                            else case((anew, OPEN), (spec_task.c.state == BLOCKED, BLOCKED), else_=OPEN),
                            "attempts": case((anew, 0), else_=spec_task.c.attempts),
                            "reason": "" if task.done else case((anew, ""), else_=spec_task.c.reason),
                            "at": func.clock_timestamp(),
                        },
                    )
                )
            gone = update(spec_task).where(spec_task.c.spec == spec, spec_task.c.key.not_in(keys))
            connection.execute(gone.values(state=GONE, at=func.clock_timestamp()))
        return {row.key: row for row in self.spec_tasks(spec)}

    def spec_tasks(self, spec: str) -> list[TaskRow]:
        """The tasks of a spec that are in its file, in the order of work."""
        wanted = select(spec_task).where(spec_task.c.spec == spec, spec_task.c.state != GONE)
        with self._db.transaction() as connection:
            rows = connection.execute(wanted.order_by(spec_task.c.position)).mappings().all()
        return [TaskRow(**row) for row in rows]

    def specs(self) -> list[str]:
        """Every spec that was ever read, the newest first."""
        newest = select(spec_task.c.spec).group_by(spec_task.c.spec).order_by(func.max(spec_task.c.at).desc())
        with self._db.transaction() as connection:
            return list(connection.scalars(newest))

    def set_task(
        self,
        spec: str,
        key: str,
        state: str,
        *,
        run: StepKey,
        reason: str = "",
        commit: str | None = None,
        failed: int = 0,
    ) -> None:
        """Write down what became of a task.

        Args:
            spec: `<repository>:<path>`.
            key: of the task.
            state: one of this module's.
            run: any step of the run that worked on it.
            reason: why, for people and for the next attempt.
            commit: of the work.
            failed: failed attempts to add.
        """
        told = {
            "state": state,
            "reason": self._door.text(reason),
            "commit": commit,
            "dag_id": run.dag_id,
            "run_id": run.run_id,
            "attempts": 0 if state == DONE else spec_task.c.attempts + failed,
            "at": func.clock_timestamp(),
        }
        one = update(spec_task).where(spec_task.c.spec == spec, spec_task.c.key == key)
        with self._db.transaction() as connection:
            connection.execute(one.values(**told))

    def retry_task(self, spec: str, key: str) -> bool:
        """Let a blocked task be worked on again; False when the spec has no such blocked task."""
        one = update(spec_task).where(
            spec_task.c.spec == spec, spec_task.c.key == key, spec_task.c.state == BLOCKED
        )
        with self._db.transaction() as connection:
            done = connection.execute(one.values(state=OPEN, attempts=0, at=func.clock_timestamp()))
            return done.rowcount > 0

    def holder(self, key: str) -> Fence | None:
        """Who holds a lease now."""
        alive = (claim.c.key == key) & (claim.c.expires_at > func.clock_timestamp())
        with self._db.transaction() as connection:
            row = connection.execute(select(claim).where(alive)).mappings().first()
        return None if row is None else Fence(row["key"], row["token"], row["holder"])

    def leases(self, prefix: str) -> list[Fence]:
        """The leases that somebody holds now, of keys that begin so."""
        alive = claim.c.key.startswith(prefix, autoescape=True) & (
            claim.c.expires_at > func.clock_timestamp()
        )
        with self._db.transaction() as connection:
            rows = connection.execute(select(claim).where(alive).order_by(claim.c.key)).mappings().all()
        return [Fence(row["key"], row["token"], row["holder"]) for row in rows]
