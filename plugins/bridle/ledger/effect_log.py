"""The record of outside writes; `bridle.ledger.effects.perform` is how to make one.

A row is an object in the world, and names the step that wrote to it last: that is what makes a write happen
once. What is done is never lost for it: the database keeps a row that says so before it is written over
(`effect_past`), and `effect_history` is both, which is what everybody reads who asks what a run has written.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError, FenceLost
from bridle.ledger.budgets import require_no_stop
from bridle.ledger.claims import own_scopes, require_fence
from bridle.ledger.part import Part, attempt_of, attempt_values, fence_of, fence_values
from bridle.ledger.records import Attempt, EffectRow, Fence
from bridle.ledger.schema import effect

INTENDED, DONE, UNCERTAIN = "intended", "done", "uncertain"
SETTLE_SECONDS = 30.0
"""How long another attempt's write may still be under way after it was intended; a forge may take 20 s."""


class EffectLog(Part):
    """Intended, done, uncertain."""

    def effect_intend(  # noqa: PLR0917 (a sentence: who, by what right, what)
        self,
        attempt: Attempt,
        fence: Fence,
        key: str,
        version: str,
        kind: str,
        target: str,
        *,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> EffectRow:
        """Write down, before acting, what is about to be written outside.

        What this step has done in this version and generation, or is uncertain, stays as it is; so does an
        intent that another attempt may still be carrying out: `settled_in` of the answer says for how many
        seconds, and asking again after them takes it over. What another run did, or this step before it was
        cleared, may be gone from the world since: it is intended anew, and the row of what they did is kept.

        Args:
            attempt: the acting step.
            fence: its fence, verified together with the stop flags.
            key: identity of the object in the world.
            version: hash of what it should say.
            kind: `pull_request`, `comment` …
            target: where, for people.
            settle_seconds: the longest that an act can take.

        Raises:
            FenceLost: a newer attempt owns the step.
            StopRequested: somebody asked for a stop.
        """
        intent = {
            "version": version,
            "kind": self._door.line(kind),
            "target": self._door.line(target),
            "state": INTENDED,
            **attempt_values(attempt),
            **fence_values(fence),
            "intended_at": func.clock_timestamp(),
            "done_at": null(),  # these two are of whoever wrote before
            "receipt": null(),
            "why": "",
        }
        with self._db.transaction() as connection:
            require_fence(connection, fence)
            require_no_stop(connection, own_scopes(fence))
            made = connection.scalar(
                insert(effect).values(key=key, **intent).on_conflict_do_nothing().returning(effect.c.key)
            )
            age = func.extract("epoch", func.clock_timestamp() - effect.c.intended_at)
            row = (
                connection.execute(
                    select(effect, age.label("age")).where(effect.c.key == key).with_for_update()
                )
                .mappings()
                .one()
            )
            if made is not None:
                return effect_of(row)
            if row["state"] == UNCERTAIN or (row["version"] == version and _stands(row, attempt)):
                return effect_of(row)
            if row["state"] == INTENDED and fence_of(row) != fence:
                left = settle_seconds - float(row["age"])
                if left > 0:
                    return effect_of(row, settled_in=left)
            taken = connection.execute(
                update(effect).where(effect.c.key == key).values(**intent).returning(*effect.c)
            )
            return effect_of(taken.mappings().one())

    def effect_begin(self, key: str, fence: Fence) -> bool:
        """Make sure, right before the write, that it may happen, and count what it may take from now on.

        Finding out what is in the world may take as long as the write itself.

        Returns:
            False when another step has intended the effect meanwhile: intend it again.

        Raises:
            FenceLost: a newer attempt owns the step.
            StopRequested: somebody asked for a stop.
        """
        ours = {**fence_values(fence), "key": key, "state": INTENDED}
        with self._db.transaction() as connection:
            require_fence(connection, fence)
            require_no_stop(connection, own_scopes(fence))
            begun = connection.execute(
                update(effect)
                .where(*(effect.c[name] == value for name, value in ours.items()))
                .values(intended_at=func.clock_timestamp())
            )
            return begun.rowcount > 0

    def effect_done(self, key: str, receipt: dict[str, Any], fence: Fence | None = None) -> None:
        """Write down that it is in the world.

        Args:
            key: the effect.
            receipt: what is in the world.
            fence: of the attempt that says so; None: whoever intended it last.

        Raises:
            ConfigError: it was never intended.
            FenceLost: another attempt has intended it since, perhaps in another version.
        """
        ours = [effect.c.state == UNCERTAIN] if fence else []
        if fence:
            ours.append(and_(*(effect.c[name] == value for name, value in fence_values(fence).items())))
        told = {"state": DONE, "done_at": func.clock_timestamp(), "receipt": self._door.json(receipt)}
        self._set(key, ours, why="", **told)

    def effect_uncertain(self, key: str, why: str) -> None:
        """Write down that nobody can tell whether it happened; only a person goes on from here.

        Raises:
            ConfigError: it was never intended.
        """
        self._set(key, state=UNCERTAIN, why=self._door.text(why))

    def effect_resolve(self, key: str, *, by: str, receipt: dict[str, Any] | None) -> None:
        """A person's word on an uncertain effect.

        Args:
            key: the effect.
            by: `human:<user>`.
            receipt: what is in the world; None: it never happened, and the next attempt may act.

        Raises:
            ConfigError: it was never intended.
        """
        why = self._door.line(f"resolved by {by}")
        if receipt is not None:
            told = self._door.json(receipt)
            self._set(key, state=DONE, done_at=func.clock_timestamp(), receipt=told, why=why)
        else:
            self._set(key, state=INTENDED, intended_at=datetime.fromtimestamp(0, UTC), why=why)

    def effect(self, key: str) -> EffectRow | None:
        """One effect; None when it was never intended."""
        with self._db.transaction() as connection:
            row = connection.execute(select(effect).where(effect.c.key == key)).mappings().first()
        return None if row is None else effect_of(row)

    def _set(self, key: str, only: Sequence[ColumnElement[bool]] = (), **values: Any) -> None:
        """Change a row; with `only`, when one of these holds."""
        with self._db.transaction() as connection:
            mine = effect.c.key == key
            row = update(effect).where(mine, or_(*only)) if only else update(effect).where(mine)
            if connection.execute(row.values(**values)).rowcount:
                return
            if connection.scalar(select(effect.c.key).where(mine)) is None:
                raise ConfigError(f"effect {key} was never intended")
            raise FenceLost(f"effect {key} has been intended by another attempt; what it comes to is its own")


def _stands(row: RowMapping, attempt: Attempt) -> bool:
    """Whether it is done by the ledger's word: the step's own since its last clear, or a person's."""
    before = attempt_of(row)
    own = (before.step, before.generation) == (attempt.step, attempt.generation)
    return row["state"] == DONE and (own or bool(row["why"]))


def effect_of(row: RowMapping, *, settled_in: float = 0.0) -> EffectRow:
    """An effect from its row."""
    made = ("attempt", "fence", "settled_in")
    plain = {name: row[name] for name in EffectRow.__dataclass_fields__ if name not in made}
    return EffectRow(attempt=attempt_of(row), fence=fence_of(row), settled_in=settled_in, **plain)
