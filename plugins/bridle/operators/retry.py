"""When Airflow tries a step again: never where it would come to the same, else when it was told to."""

from datetime import timedelta
from random import uniform
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from bridle.errors import BridleError, SessionLost, Transient

if TYPE_CHECKING:
    from airflow.sdk import Context

RETRIES = 4
"""Of a step whose DAG does not say how many."""

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 600.0


class BridleRetryPolicy(RetryPolicy):
    """The retry policy of every operator of Bridle, unless the DAG or the task gives another.

    | what happened | next try |
    | --- | --- |
    | input, configuration, key or credit is wrong; a limit, a person or a gate said stop | none |
    | provider or forge is overloaded or limits the rate, and says for how long | then |
    | the same, and it does not say; forge, PostgreSQL or Airflow is away | after 10 s, 20 s, 40 s … 10 min |
    | the agent's process is lost | at once: the session goes on from its last checkpoint |
    | anything else | as Airflow's `retry_delay` says |
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: "Context | None" = None
    ) -> RetryDecision:
        if isinstance(exception, SessionLost):
            return RetryDecision.retry(timedelta(0), "the session was lost; it goes on from its checkpoint")
        if isinstance(exception, Transient):
            if exception.retry_after is not None:
                wait, who = exception.retry_after, "as told"
            else:
                wait, who = _backoff(try_number, max_tries, context), "longer each time"
            return RetryDecision.retry(timedelta(seconds=wait), f"waiting {wait:.0f} s, {who}: {exception}")
        if isinstance(exception, BridleError):
            return RetryDecision.fail(f"trying again would come to the same: {exception}")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        return cls()


def retried(arguments: dict[str, Any]) -> dict[str, Any]:
    """An operator's arguments, with Bridle's answer to failures where neither task nor DAG has its own."""
    given = {**(arguments.get("default_args") or {}), **arguments}
    ours = {
        "retries": RETRIES,
        # of a try whose process was killed, so that no policy was asked
        "retry_delay": timedelta(seconds=FIRST_SECONDS),
        "retry_policy": BridleRetryPolicy(),
    }
    return {**{name: value for name, value in ours.items() if name not in given}, **arguments}


def _backoff(try_number: int, max_tries: int, context: "Context | None") -> float:
    retries = context["task"].retries if context else max_tries
    # a clear raises both numbers: what counts is how many tries are left of those that it gave
    failed = max(0, (retries or 0) - max(0, max_tries - try_number + 1))
    # not all at the same moment: what they wait for was too much at once
    return float(min(FIRST_SECONDS * 2**failed, LONGEST_SECONDS) * uniform(0.8, 1.2))  # noqa: S311
