"""A round of a loop that a human looks at."""

from copy import copy
from typing import Any

from airflow.sdk.definitions.param import ParamsDict

from bridle.sensors.approval import FEEDBACK, HumanApprovalSensor


class RoundReviewSensor(HumanApprovalSensor):
    """Ask a human whether a loop shall go on after this round.

    Approve: what the round decided happens, another round or the pull request; feedback goes to the next
    orchestrator. Reject with feedback: another round is made of it. Reject without: the loop stops.
    Nothing is skipped: `NextRoundOperator` reads the answer and closes the round.
    """

    def __init__(self, **kwargs: Any) -> None:
        params = ParamsDict(kwargs.pop("params", None))
        feedback = copy(FEEDBACK)
        feedback.description = "For the next orchestrator. Rejecting without any stops the loop."
        params["feedback"] = feedback
        super().__init__(params=params, **kwargs)

    def skip(self, *args: Any, **kwargs: Any) -> None:
        """Leave what follows as it is."""
