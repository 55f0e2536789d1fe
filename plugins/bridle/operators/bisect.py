"""A search for the round that went wrong, on a worker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class BisectOperator(BridleOperator):
    """Find the commit with which a run or a loop went wrong, with a check of its repository and no model.

    The task succeeds when the search has come to an end, whatever it has found; its result is in the ledger,
    and on the page of the run or loop.

    Args:
        scope: in whose commits to search: `run:dag/run` or `loop:id`. Templated.
        check: name of a check of the repository; empty: its first. Templated.
        jobs: checks side by side: more of them take less time and more checks. Templated.

    Pushes `commit`, the first that fails, `base`, the last that passes before it, `session_id` and `summary`.
    """

    template_fields: Sequence[str] = ("scope", "check", "jobs")
    ui_color = "#e8f5e9"

    def __init__(
        self,
        *,
        scope: str = "{{ params.scope }}",
        check: str = "{{ params.check or '' }}",
        jobs: Any = "{{ params.jobs }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scope = scope
        self.check = check
        self.jobs = jobs

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.result import StepResult
        from bridle.harness.wrong_round import Wanted, find_wrong_round

        wanted = Wanted(
            searched=step.ledger.searched(self.scope),
            check=self.check or "",
            by=f"human:{context['dag_run'].triggering_user_name or 'airflow'}",
            jobs=int(self.jobs),
        )
        found = find_wrong_round(step, wanted)
        return StepResult(
            commit=found.commit,
            base=found.good_commit,
            session_id=None if found.session_id is None else str(found.session_id),
            summary=found.why[:500],
        )
