"""Putting in order what kills and cancellations left."""

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRuntimeError

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class SweepOperator(BridleOperator):
    """Close lost sessions and searches, remove their folders, take back what runs left on the forge.

    That is branches of failed runs that never came to a pull request; and of runs that a person stopped or
    rejected the draft, its labels and its branch, unless somebody has taken it over.

    Nothing may rely on callbacks that a kill or a marked state skips; this task reconciles the ledger with
    Airflow instead.
    """

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.sweep import sweep

        ti = context["ti"]

        def run_state(dag_id: str, run_id: str) -> str | None:
            try:
                return ti.get_dagrun_state(dag_id, run_id)
            except AirflowRuntimeError as error:
                # somebody deleted the run; whatever else is wrong shows at the next effect
                self.log.info("no state of %s %s: %s", dag_id, run_id, error)
                return None

        return sweep(step, run_state)
