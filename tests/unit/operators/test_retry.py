"""What is tried again, when, and who may say otherwise."""

from datetime import timedelta
from itertools import pairwise

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.retry_policy import RetryAction

from bridle import AgentSessionOperator, CheckOperator, HumanApprovalSensor
from bridle.errors import (
    BudgetSpent,
    ConfigError,
    CredentialError,
    ForgeDown,
    LedgerUnavailable,
    ProviderDown,
    SessionLost,
)
from bridle.operators.retry import LONGEST_SECONDS, RETRIES, BridleRetryPolicy

POLICY = BridleRetryPolicy()


@pytest.mark.parametrize(
    "error",
    [ConfigError("roles.yaml:3: …"), CredentialError("the key"), BudgetSpent("spent", scope="run:a/b")],
)
def test_what_would_come_to_the_same_fails_at_once(error: Exception) -> None:
    assert POLICY.evaluate(error, 1, 4).action == RetryAction.FAIL


@pytest.mark.parametrize("down", [ProviderDown, ForgeDown])
def test_who_says_when_is_waited_for_until_then(down: type[ProviderDown | ForgeDown]) -> None:
    decision = POLICY.evaluate(down("429", retry_after=37.0), 1, 4)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=37))
    assert "37 s, as told: 429" in (decision.reason or "")


@pytest.mark.parametrize("error", [ProviderDown("529"), ForgeDown("503"), LedgerUnavailable("gone")])
def test_what_does_not_say_when_is_left_alone_for_longer_each_time(error: Exception) -> None:
    waits = []
    for tried in range(1, 9):
        delay = POLICY.evaluate(error, tried, 8).retry_delay
        assert delay is not None
        waits.append(delay.total_seconds())
    assert 8 <= waits[0] <= 12
    assert all(later > 1.3 * earlier for earlier, later in pairwise(waits[:6]))
    assert max(waits) <= LONGEST_SECONDS * 1.2


def test_a_lost_session_goes_on_at_once() -> None:
    assert POLICY.evaluate(SessionLost("killed"), 1, 4).retry_delay == timedelta(0)


def test_what_is_not_ours_is_airflows_business() -> None:
    assert POLICY.evaluate(ZeroDivisionError(), 1, 4).action == RetryAction.DEFAULT


def test_every_step_is_retried_without_being_told_to() -> None:
    with DAG("plain"):
        steps = [
            CheckOperator(task_id="check", commit="c"),
            AgentSessionOperator(task_id="session", role="planner", prompt="plan.md"),
            HumanApprovalSensor(task_id="approve"),
        ]
    for step in steps:
        assert (step.retries, step.retry_delay) == (RETRIES, timedelta(seconds=10))
        assert isinstance(step.retry_policy, BridleRetryPolicy)


def test_what_the_dag_or_the_task_says_goes_first() -> None:
    with DAG("own", default_args={"retries": 0, "retry_policy": None}):
        none = CheckOperator(task_id="none", commit="c")
        some = CheckOperator(task_id="some", commit="c", retries=2, retry_delay=timedelta(hours=1))
    assert (none.retries, none.retry_policy) == (0, None)
    assert (some.retries, some.retry_delay) == (2, timedelta(hours=1))
