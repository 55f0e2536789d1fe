"""How many there are of something right now."""

from uuid import UUID

from sqlalchemy import func, select

from bridle.ledger.part import Part
from bridle.ledger.schema import model_call, review, session


class Gauges(Part):
    """Counts of what is open."""

    def open_sessions(self, role: str, model: str) -> int:
        """Sessions of a role on a model that have not ended; killed ones count until they are swept up."""
        mine = session.c.closed_at.is_(None) & (session.c.role == role) & (session.c.model == model)
        with self._db.transaction() as connection:
            return connection.scalar(select(func.count()).where(mine)) or 0

    def unanswered_calls(self, session_id: UUID) -> list[tuple[str, str]]:
        """Provider and model of each call of a closed session that was never answered."""
        c = model_call.c
        mine = (c.session_id == session_id) & (c.state == "given_up")
        with self._db.transaction() as connection:
            rows = connection.execute(select(c.provider, c.model).where(mine).order_by(c.id))
            return [(row.provider, row.model) for row in rows]

    def waiting_reviews(self, dag_id: str) -> int:
        """Questions of a DAG's runs that nobody has answered."""
        mine = review.c.decision.is_(None) & (review.c.dag_id == dag_id)
        with self._db.transaction() as connection:
            return connection.scalar(select(func.count()).where(mine)) or 0
