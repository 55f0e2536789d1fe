"""Putting in order what kills and cancellations left."""

from functools import partial
from typing import TYPE_CHECKING

from bridle.operators.base import BridleOperator
from bridle.operators.run_state import run_state

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class SweepOperator(BridleOperator):
    """Close lost sessions and searches, remove their folders, take back what runs left on the forge.

    That is branches of failed runs that never came to a pull request; and of runs that a person stopped or
    rejected the draft, its labels and its branch, unless somebody has taken it over. Loops that no run
    pursues are closed, specs that a run held to its end are let go of, and questions of runs that ended
    unanswered are withdrawn.

    Nothing may rely on callbacks that a kill or a marked state skips; this task reconciles the ledger with
    Airflow instead.
    """

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.sweep import sweep

        return sweep(step, partial(run_state, context))
