"""Who may write: fences of steps, and leases on anything else. The clock is the database's."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, Integer, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import FenceLost
from bridle.ledger.budgets import require_no_stop
from bridle.ledger.part import Part
from bridle.ledger.records import Attempt, Fence
from bridle.ledger.schema import claim
from bridle.ledger.session_end import close_superseded


class Claims(Part):
    """Fences and claims."""

    def take_step(self, attempt: Attempt) -> Fence:
        """Make this attempt the only one that may write for its step.

        The newest attempt wins, whichever asks first: attempts are ordered by Airflow's id of the try, a
        UUIDv7 (else by generation and try number). Sessions that older attempts left open are closed as lost.

        Raises:
            FenceLost: a newer attempt has the step already.
        """
        key, rank = attempt.step.scope, _rank(attempt)
        row = insert(claim).values(key=key, token=1, holder=attempt.ti_id, rank=rank)
        take = row.on_conflict_do_update(
            index_elements=[claim.c.key],
            set_={"token": claim.c.token + 1, "holder": attempt.ti_id, "rank": rank},
            where=claim.c.rank <= rank,
        ).returning(claim.c.token)
        with self._db.transaction() as connection:
            token = connection.scalar(take)
            if token is None:
                holder = connection.scalar(select(claim.c.holder).where(claim.c.key == key))
                raise FenceLost(
                    f"{attempt.step.path}: try {attempt.try_number} ({attempt.ti_id}) comes after a newer "
                    f"one ({holder}) has taken the step; this one ends without writing"
                )
            fence = Fence(key, token, attempt.ti_id)
            closed = close_superseded(connection, fence, f"superseded by try {attempt.try_number}")
        self.superseded(closed)
        return fence

    def superseded(self, session_ids: Sequence[UUID]) -> None:
        """Hear which sessions `take_step` has closed as lost; the ledger itself has no more to do."""

    def verify(self, fence: Fence, scopes: Iterable[str] = ()) -> None:
        """Make sure, right before a commit or an effect, that it may still happen.

        Args:
            fence: what `take_step` or `claim` returned.
            scopes: further scopes whose stop flags count; the step's, its run's and `all` always do.

        Raises:
            FenceLost: somebody newer holds the fence, or its lease has run out.
            StopRequested: a person or `on_kill` asked for a stop.
        """
        with self._db.transaction() as connection:
            require_fence(connection, fence)
            require_no_stop(connection, (*scopes, *own_scopes(fence)))

    def claim(self, key: str, holder: str, ttl_seconds: float) -> Fence | None:
        """Lease something that only one may hold; None when another holds it.

        The same holder may ask again to prolong its lease and keeps its token.
        """
        now = func.clock_timestamp()
        until = now + text("make_interval(secs => :ttl)").bindparams(ttl=ttl_seconds)
        expired = claim.c.expires_at <= now
        take = (
            insert(claim)
            .values(key=key, token=1, holder=holder, expires_at=until)
            .on_conflict_do_update(
                index_elements=[claim.c.key],
                set_={
                    "token": claim.c.token + cast(expired, Integer),
                    "holder": holder,
                    "expires_at": until,
                },
                where=or_(expired, claim.c.holder == holder),
            )
            .returning(claim.c.token)
        )
        with self._db.transaction() as connection:
            token = connection.scalar(take)
        return None if token is None else Fence(key, token, holder)

    def release(self, fence: Fence) -> None:
        """Give a lease back; nothing happens when it is another's by now."""
        with self._db.transaction() as connection:
            connection.execute(
                update(claim)
                .where(claim.c.key == fence.key, claim.c.token == fence.token, claim.c.holder == fence.holder)
                .values(expires_at=func.clock_timestamp())
            )


def own_scopes(fence: Fence) -> tuple[str, ...]:
    """The scopes that a step's fence stands for by itself."""
    kind, _, path = fence.key.partition(":")
    if kind != "step":
        return (fence.key,)
    dag_id, run_id, *_ = path.split("/")
    return (fence.key, f"run:{dag_id}/{run_id}")


def require_fence(connection: Connection, fence: Fence) -> None:
    """Raises FenceLost unless the fence is the newest of its key and its lease, if any, runs.

    Nobody takes it over until the transaction ends. Locks are taken in the order claim, session, model_call,
    budget everywhere: call this first.
    """
    row = connection.execute(
        select(
            claim.c.token,
            claim.c.holder,
            func.coalesce(claim.c.expires_at <= func.clock_timestamp(), False).label("expired"),
        )
        .where(claim.c.key == fence.key)
        .with_for_update(read=True)
    ).first()
    if row is None:
        raise FenceLost(f"{fence.key}: nobody holds it; take the step before writing for it")
    if row.token != fence.token or row.holder != fence.holder:
        raise FenceLost(
            f"{fence.key}: {row.holder} holds it now (token {row.token}); {fence.holder} (token "
            f"{fence.token}) must not write any more"
        )
    if row.expired:
        raise FenceLost(f"{fence.key}: the lease of {fence.holder} has run out; claim it again")


def _rank(attempt: Attempt) -> str:
    try:
        identity = UUID(attempt.ti_id)
    except ValueError:
        identity = None
    if identity is not None and identity.version == 7:
        return str(identity)
    return f"{attempt.generation:09}.{attempt.try_number:09}"
