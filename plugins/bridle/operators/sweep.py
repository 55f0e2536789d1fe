"""Putting in order what kills and cancellations left."""

from typing import TYPE_CHECKING

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class SweepOperator(BridleOperator):
    """Close lost sessions, remove stale clones of this host, take back branches of failed runs.

    Nothing may rely on callbacks that a kill or a marked state skips; this task reconciles the ledger with
    Airflow instead.
    """

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.sweep import sweep

        ti = context["ti"]

        def run_state(dag_id: str, run_id: str) -> str | None:
            return ti.get_dagrun_state(dag_id, run_id)

        return sweep(step, run_state)
