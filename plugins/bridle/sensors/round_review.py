"""A round of a loop that a human looks at."""

from copy import copy
from typing import Any

from bridle.sensors.approval import FEEDBACK, HumanApprovalSensor


class RoundReviewSensor(HumanApprovalSensor):
    """Ask a human whether a loop shall go on after this round.

    Approve: what the round decided happens, another round or the pull request; feedback goes to the next
    orchestrator. Reject with feedback: another round is made of it. Reject without: the loop stops.
    Nothing is skipped: `NextRoundOperator` reads the answer and closes the round.
    """

    def __init__(self, **kwargs: Any) -> None:
        feedback = copy(FEEDBACK)
        feedback.description = "For the next orchestrator. Rejecting without any stops the loop."
        super().__init__(params={"feedback": feedback, **(kwargs.pop("params", None) or {})}, **kwargs)

    def skip(self, *args: Any, **kwargs: Any) -> None:
        """Leave what follows as it is."""
