"""What Bridle's metrics have to say, added up from the ledger's rows, beside what was received."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import isclose

from bridle.ledger.queries import CallRow, Queries
from bridle.ledger.records import CheckRow, EffectRow, ReviewRow, SessionRow
from bridle.testing.trace_receiver import ReceivedPoint

Tags = frozenset[tuple[str, str]]
Sums = dict[str, dict[Tags, float]]
"""Metric to tags to the sum of its points."""

GAUGES = ("airflow.bridle.sessions.open", "airflow.bridle.reviews.waiting")


def received(metrics: Mapping[str, Sequence[ReceivedPoint]], mine: Callable[[Tags], bool]) -> Sums:
    """The sums of what came, without gauges, which do not add up."""
    sums: Sums = defaultdict(lambda: defaultdict(float))
    for name, points in metrics.items():
        for point in points:
            tags = frozenset(point.tags.items())
            if name not in GAUGES and mine(tags):
                sums[name][tags] += point.value
    return plain(sums)


def booked(rows: Queries, dag_id: str, run_id: str) -> Sums:
    """The same sums from the rows of a run that has come to its end."""
    books = _Books()
    for session in rows.sessions(dag_id, run_id):
        books.session(session)
        for call in rows.calls(session.id):
            books.call(session.role, call)
    for check in rows.checks(dag_id, run_id):
        books.check(check)
    for review in rows.reviews(dag_id, run_id):
        books.review(review)
    for effect in rows.effects(dag_id, run_id):
        books.effect(effect)
    return plain(books.sums)


def alike(name: str, came: Mapping[Tags, float], books: Mapping[Tags, float]) -> bool:
    """Whether what came of a metric is what the books have of it.

    A session's time is taken in the database by the books, and in the process by the metric: a machine that
    stands still between the two puts seconds into one of them, but no other unit.
    """
    if set(came) != set(books):
        return False
    if name == "airflow.bridle.session.duration":
        return all(books[tags] / 10 <= came[tags] <= 10 * books[tags] + 60_000 for tags in books)
    return all(isclose(came[tags], books[tags], rel_tol=1e-4) for tags in books)


def plain(sums: Mapping[str, Mapping[Tags, float]]) -> Sums:
    """A copy that pytest prints well."""
    return {name: dict(by_tags) for name, by_tags in sums.items()}


class _Books:
    def __init__(self) -> None:
        self.sums: Sums = defaultdict(lambda: defaultdict(float))

    def add(self, name: str, value: float, tags: dict[str, str]) -> None:
        self.sums[f"airflow.bridle.{name}"][frozenset(tags.items())] += value

    def session(self, row: SessionRow) -> None:
        tags = {"role": row.role, "model": row.model}
        self.add(f"session.{row.outcome}", 1, {**tags, "agent": row.agent})
        if row.outcome != "lost":  # nobody was there to see how long it took
            assert row.closed_at is not None
            took = (row.closed_at - row.opened_at).total_seconds() * 1000
            self.add("session.duration", took, {**tags, "outcome": row.outcome or ""})

    def call(self, role: str, row: CallRow) -> None:
        tags = {"role": role, "model": row.model, "provider": row.provider}
        self.add("call", 1, {**tags, "status": row.status or ""})
        if row.latency_ms is not None:
            self.add("call.duration", row.latency_ms, tags)
        if row.price.amount is None:
            self.add("cost.unknown", 1, tags)
        else:
            self.add("cost.micro_usd", round(row.price.amount * 10**6), tags)
        if row.usage is not None:
            self.add("tokens.input", row.usage.input_tokens, tags)
            self.add("tokens.output", row.usage.output_tokens, tags)
            self.add("tokens.cache_read", row.usage.cache_read_tokens, tags)
            self.add("tokens.cache_creation", row.usage.cache_write_tokens, tags)

    def check(self, row: CheckRow) -> None:
        self.add("check.passed" if row.exit_code == 0 else "check.failed", 1, {"check": row.name})
        self.add("check.duration", row.seconds * 1000, {"check": row.name})

    def review(self, row: ReviewRow) -> None:
        dag = {"dag_id": row.attempt.step.dag_id}
        if row.decision is None or row.answered_at is None:
            return
        by_human = (row.by or "").startswith("human:")
        self.add(f"review.{row.decision}", 1, {**dag, "by": "human" if by_human else "policy"})
        if by_human:
            self.add("review.wait", (row.answered_at - row.opened_at).total_seconds() * 1000, dag)

    def effect(self, row: EffectRow) -> None:
        self.add(f"effect.{row.state}", 1, {"dag_id": row.attempt.step.dag_id, "effect": row.kind})
