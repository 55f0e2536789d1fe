"""What the harness itself knows of a run: checks and costs, for texts that go to the outside."""

from dataclasses import dataclass
from decimal import Decimal

from bridle.harness.step import Step
from bridle.ledger.queries import Queries, StepRow
from bridle.ledger.records import CheckRow


@dataclass(frozen=True)
class Check:
    """One run of a check."""

    command: str
    commit: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What one step, or all, came to."""

    step: str
    model: str
    sessions: int
    tokens: int
    cost: str
    """US dollars with four digits, or `unknown`."""


@dataclass(frozen=True)
class Evidence:
    """A run's books."""

    checks: tuple[Check, ...]
    costs: tuple[Cost, ...]
    """Steps that called a model, in order."""
    total: Cost

    @classmethod
    def of_run(cls, step: Step) -> "Evidence":
        """Read the books of the run that `step` belongs to; in a loop, of all its runs so far."""
        key = step.attempt.step
        loop = step.attempt.loop_id
        runs = dict.fromkeys(row.run_id for row in step.ledger.rounds(loop)) if loop else [key.run_id]
        with Queries(step.ledger.url) as queries:
            rows = [row for run_id in runs for row in queries.run(key.dag_id, run_id)]
        costs = tuple(_cost(row) for row in rows if row.sessions)
        amounts = [row.totals.cost_usd for row in rows]
        total = Cost(
            step="",
            model="",
            sessions=sum(cost.sessions for cost in costs),
            tokens=sum(cost.tokens for cost in costs),
            cost=dollars(
                None if None in amounts else sum((amount or Decimal(0) for amount in amounts), Decimal(0))
            ),
        )
        return cls(tuple(_check(check) for row in rows for check in row.checks), costs, total)


def dollars(amount: Decimal | None) -> str:
    """An amount for people; what nobody knows is not zero."""
    return "unknown" if amount is None else f"{amount:.4f}"


def _cost(row: StepRow) -> Cost:
    models = dict.fromkeys(session.model for session in row.sessions)
    return Cost(
        step=row.step.task_id,
        model=", ".join(models),
        sessions=len(row.sessions),
        tokens=row.totals.usage.total,
        cost=dollars(row.totals.cost_usd),
    )


def _check(row: CheckRow) -> Check:
    return Check(row.command, row.commit or "", row.exit_code == 0, row.seconds)
