"""What a run consists of, with what each session's calls came to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, any_, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from bridle.ledger.schema import loop_round, model_call, session
from bridle.ledger.spending import sums
from bridle.ledger.summaries import spending
from bridle.ledger.totals import sums as sums_of_calls


def totals_of_sessions(ids: Sequence[UUID]) -> Select[Any]:
    """`session_id` and the columns of `totals_of`, for each of these sessions that has called a model."""
    c = spending.c
    return select(c.session_id, *sums()).where(c.session_id == _any(ids)).group_by(c.session_id)


def answered_models(ids: Sequence[UUID]) -> Select[Any]:
    """`session_id` and `model` for each model that has answered one of these sessions."""
    c = model_call.c
    query = select(c.session_id, c.answered_model.label("model"))
    return query.where(c.session_id == _any(ids), c.answered_model.is_not(None)).distinct()


def totals_by_round(loop_id: str) -> Select[Any]:
    """`run_id`, `role` and the columns of `totals_of`: what each role came to in each round of a loop."""
    return (
        select(session.c.run_id, session.c.role, *sums_of_calls())
        .select_from(model_call.join(session, model_call.c.session_id == session.c.id))
        .where(session.c.loop_id == loop_id)
        .group_by(session.c.run_id, session.c.role)
    )


def totals_of_loops(ids: Sequence[str]) -> Select[Any]:
    """`loop_id` and the columns of `totals_of`."""
    return (
        select(session.c.loop_id, *sums())
        .select_from(spending.join(session, spending.c.session_id == session.c.id))
        .where(session.c.loop_id.in_(ids))
        .group_by(session.c.loop_id)
    )


def rounds_of_loops(ids: Sequence[str]) -> Select[Any]:
    """`loop_id` and `rounds`: how many each has begun."""
    c = loop_round.c
    return (
        select(c.loop_id, func.count().label("rounds"))
        .where(c.loop_id.in_(ids), c.round > 0)
        .group_by(c.loop_id)
    )


def _any(ids: Sequence[UUID]) -> Any:
    """One value for all of them: a run may have thousands."""
    return any_(cast(list(ids), ARRAY(Uuid)))
