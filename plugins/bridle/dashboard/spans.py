"""Rows of the ledger as bars on a run's time axis."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from bridle.dashboard.books import queries
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.run import SessionName, Span
from bridle.ledger.queries import NOTHING
from bridle.ledger.records import Attempt, CheckRow, EffectRow, ReviewRow, SessionRow
from bridle.ledger.timeline import answered_models, totals_of_sessions
from bridle.ledger.totals import totals_of

LONGEST = 500
"""Characters of a span's detail."""


def of_sessions(rows: Sequence[SessionRow]) -> list[Span]:
    """Sessions, with what each came to."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    spent = {row["session_id"]: totals_of(row) for row in queries().rows(totals_of_sessions(ids))}
    answered: dict[UUID, list[str]] = defaultdict(list)
    for row in queries().rows(answered_models(ids)):
        answered[row["session_id"]].append(row["model"])
    by_id = {row.id: row for row in rows}
    return [
        Span(
            **_of_try(row),
            kind="session",
            id=str(row.id),
            round=row.round,
            start=row.opened_at,
            end=row.closed_at,
            label=row.role,
            state=row.outcome or "running",
            detail=(row.reason or row.summary)[:LONGEST],
            agent=row.agent,
            model=f"{row.provider}:{row.model}",
            answered_models=tuple(sorted(answered[row.id])),
            totals=Totals.of(spent.get(row.id, NOTHING)),
            commit=row.commit or row.checkpoint,
            base_commit=row.base_commit,
            isolation=row.isolation,
            resumed_from=str(row.resumed_from) if row.resumed_from else None,
            why=why(row, by_id.get(row.resumed_from) if row.resumed_from else None),
        )
        for row in rows
    ]


def name_of(row: SessionRow) -> SessionName:
    """What people call a session."""
    step = row.attempt.step
    return SessionName(id=str(row.id), task_id=step.task_id, map_index=step.map_index, round=row.round)


def of_check(row: CheckRow) -> Span:
    """A check: its row is written when it has ended."""
    state = "passed" if row.exit_code == 0 else "timed out" if row.timed_out else "failed"
    return Span(
        **_of_try(row),
        kind="check",
        id=str(row.id),
        round=row.round,
        start=row.at - timedelta(seconds=row.seconds),
        end=row.at,
        label=row.name,
        state=state,
        detail=row.command[:LONGEST],
        commit=row.commit,
    )


def of_review(row: ReviewRow) -> Span:
    """What a human was asked."""
    detail = f"{row.by}: {row.feedback}".removesuffix(": ") if row.decision else "nobody has answered yet"
    return Span(
        **_of_try(row),
        kind="approval",
        id=str(row.id),
        round=None,
        start=row.opened_at,
        end=row.answered_at,
        label=row.subject,
        state=row.decision or "waiting",
        detail=detail[:LONGEST],
        commit=row.commit or None,
    )


def of_effect(row: EffectRow) -> Span:
    """An outside write."""
    receipt = row.receipt or {}
    data = receipt.get("data")
    commit = data.get("commit") if isinstance(data, dict) else None
    return Span(
        **_of_try(row),
        kind="effect",
        id=row.key,
        round=None,
        start=row.intended_at,
        end=row.done_at,
        label=row.kind.replace("_", " "),
        state=row.state,
        detail=f"{row.target} {row.why}".strip()[:LONGEST],
        url=str(receipt.get("url") or "") or None,
        commit=str(commit or "") or None,
    )


def why(row: SessionRow, before: SessionRow | None) -> str:
    """Why a session began where it did, what it reused, and what it did again; out of its row's facts."""
    attempt = row.attempt
    if row.resumed_from is None:
        if row.round > 1:
            again = "" if attempt.try_number == 1 else f" Try {attempt.try_number} began it anew."
            return (
                f"Round {row.round} is a fresh session: the check of round {row.round - 1} failed. "
                f"Reused: its commit {_short(row.base_commit)}, and the end of what the check said.{again}"
            )
        if attempt.try_number > 1:
            began = _short(row.base_commit)
            return f"Try {attempt.try_number} found nothing to go on from: it began at {began}."
        return ""
    if before is None:
        return f"It went on from session {row.resumed_from}."
    ended = f"{before.outcome or 'still open'}{': ' if before.reason else ''}{before.reason}"
    same = (before.agent, before.provider, before.model) == (row.agent, row.provider, row.model)
    reused = []
    if before.checkpoint:
        reused.append(f"the files of its checkpoint {_short(before.checkpoint)}")
    if before.transcript_ref and same:
        reused.append("its transcript")
    kept = " and ".join(reused) or "nothing: it had kept nothing yet"
    again = "what it did after that, and the call that was under way"
    if not before.checkpoint:
        again = "all of it"
    elif before.transcript_ref and not same:
        again += "; another model reads the work anew"
    return (
        f"Round {row.round} went on from a session that ended as {ended}. Reused: {kept}. Repeated: {again}."
    )


def _short(commit: str | None) -> str:
    return commit[:10] if commit else "nothing"


def of_try(attempt: Attempt) -> dict[str, str | int]:
    """The fields of `OfTry`."""
    step = attempt.step
    return {"task_id": step.task_id, "map_index": step.map_index, "try_number": attempt.try_number}


def _of_try(row: SessionRow | CheckRow | ReviewRow | EffectRow) -> dict[str, str | int]:
    return {**of_try(row.attempt), "generation": row.attempt.generation}
