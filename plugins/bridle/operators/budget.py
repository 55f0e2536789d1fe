"""Raising or lowering a cap from Airflow's UI."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class SetBudgetOperator(BridleOperator):
    """Raise or lower the caps of a scope; what they apply to goes on when its failed task is cleared.

    Args:
        scope: whose calls count, for instance `run:issue_fix/manual__1` or `day:2026-01-31`. Templated.
        usd: new cap in US dollars; None or empty: as it is. Templated.
        tokens: new cap in tokens, input and output together; None or empty: as it is. Templated.

    Pushes `summary`.
    """

    template_fields: Sequence[str] = ("scope", "usd", "tokens")
    ui_color = "#fff8e1"

    def __init__(self, *, scope: str, usd: Any = None, tokens: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scope = scope
        self.usd = usd
        self.tokens = tokens

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.result import StepResult

        user = context["dag_run"].triggering_user_name or "airflow"
        step.ledger.change_budget(
            self.scope,
            cap_usd=Decimal(str(self.usd)) if self.usd else None,
            cap_tokens=int(self.tokens) if self.tokens else None,
            by=f"human:{user}",
        )
        found = step.ledger.budget(self.scope)
        self.log.info("%s", found)
        return StepResult(summary=f"changed the budget of {self.scope}; clear the task that it stopped")
