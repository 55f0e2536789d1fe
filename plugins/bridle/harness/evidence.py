"""What the harness itself knows of a run: checks and costs, for texts that go to the outside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bridle.gateway.price_list import PriceList
from bridle.harness.step import Step
from bridle.ledger.costs import CostRow, CountedCall, in_all
from bridle.ledger.queries import Queries, StepRow
from bridle.ledger.records import CheckRow, SessionRow, Totals


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
    role: str
    model: str
    sessions: int
    tokens: int
    """Input and output."""
    input: int
    cached: int
    """Part of `input` that was read from the provider's cache."""
    output: int
    cost: str
    """US dollars with four digits, or `unknown`."""


@dataclass(frozen=True)
class Comparison:
    """The same tokens on a single model."""

    model: str
    """`provider:model`, the dearest that was used."""
    cost: str


@dataclass(frozen=True)
class Evidence:
    """The books of a run, or of a loop."""

    checks: tuple[Check, ...]
    costs: tuple[Cost, ...]
    """Steps that called a model, in order; mapped ones, and those of several rounds, in one line."""
    total: Cost
    comparison: Comparison | None
    """None: one model did everything, or a price is not known."""

    @classmethod
    def of_run(cls, step: Step, *, earlier: Sequence[str] = ()) -> "Evidence":
        """Read the books of the run that `step` belongs to.

        Args:
            step: of the run.
            earlier: ids of runs of the same DAG whose books belong with it: the rounds of a loop before this.
        """
        key = step.attempt.step
        rows: list[StepRow] = []
        spent: list[CostRow] = []
        calls: list[CountedCall] = []
        with Queries.of(step.ledger) as queries:
            for run in [(key.dag_id, run_id) for run_id in dict.fromkeys((*earlier, key.run_id))]:
                rows += queries.run(*run)
                spent += queries.cost("dag", run=run)
                calls += queries.counted_calls(run=run)
        every = [session for row in rows for session in row.sessions]
        total = replace(_cost("", every, in_all(spent)), role="", model="")
        checks = tuple(_check(check) for row in rows for check in row.checks)
        return cls(checks, _costs(rows), total, _comparison(PriceList(step.roles.providers), calls))

    @property
    def cost_table(self) -> str:
        """Steps, models, tokens and dollars, as Markdown for a pull request."""
        lines = [
            "| step | role | model | sessions | tokens in | of them cached | tokens out | US dollars |",
            "|---|---|---|---:|---:|---:|---:|---:|",
            *(_line(cost.step, cost) for cost in self.costs),
            _line("**in all**", self.total),
        ]
        if self.comparison:
            lines += [
                "",
                f"The same tokens on {self.comparison.model} alone: {self.comparison.cost} US dollars, "
                "priced call by call.",
            ]
        return "\n".join(lines)


def dollars(amount: Decimal | None) -> str:
    """An amount for people; what nobody knows is not zero."""
    return "unknown" if amount is None else f"{amount:.4f}"


def _costs(rows: Sequence[StepRow]) -> tuple[Cost, ...]:
    names = dict.fromkeys(row.step.task_id for row in rows if row.sessions)
    return tuple(_cost_of(name, [row for row in rows if row.step.task_id == name]) for name in names)


def _cost_of(name: str, rows: Sequence[StepRow]) -> Cost:
    sessions = [session for row in rows for session in row.sessions]
    return _cost(name, sessions, in_all([CostRow(name, row.totals) for row in rows]))


def _cost(step: str, sessions: Sequence[SessionRow], totals: Totals) -> Cost:
    known = dollars(totals.known_usd)
    return Cost(
        step=step,
        role=", ".join(dict.fromkeys(session.role for session in sessions)),
        model=", ".join(dict.fromkeys(session.model for session in sessions)),
        sessions=len(sessions),
        tokens=totals.usage.total,
        input=totals.usage.input_tokens,
        cached=totals.usage.cache_read_tokens,
        output=totals.usage.output_tokens,
        cost=f"{known} + unknown" if totals.unknown_calls and totals.known_usd else dollars(totals.cost_usd),
    )


def _line(name: str, cost: Cost) -> str:
    numbers = (cost.sessions, cost.input, cost.cached, cost.output)
    cells = (name, cost.role, cost.model, *(f"{number:,}" for number in numbers), cost.cost)
    return "| " + " | ".join(cells) + " |"


def _comparison(prices: PriceList, calls: Sequence[CountedCall]) -> Comparison | None:
    models = {call.model for call in calls}
    usages = [call.usage for call in calls]
    dearest = prices.dearest(models, usages) if len(models) > 1 else None
    cost = prices.as_if(dearest, usages) if dearest else None
    return None if dearest is None or cost is None else Comparison(dearest, dollars(cost))


def _check(row: CheckRow) -> Check:
    return Check(row.command, row.commit or "", row.exit_code == 0, row.seconds)
