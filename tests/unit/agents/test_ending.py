import pytest

from bridle.agents.base import Outcome
from bridle.agents.ending import api_error, failed, invalid

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("status", "message", "outcome", "reason", "retryable"),
    [
        (400, "bridle: budget: step is spent", Outcome.LIMIT, "budget: step is spent", False),
        (400, "API Error: 400 bridle: stopped: by anna", Outcome.STOPPED, "stopped: by anna", False),
        (401, "bridle: credential: refused", Outcome.FAILED, "credential: refused", False),
        (403, "no", Outcome.FAILED, "credential: no", False),
        (503, "bridle: provider: down", Outcome.FAILED, "provider: down", True),
        (503, "bridle: ledger: away", Outcome.FAILED, "ledger: away", True),
        (529, "overloaded", Outcome.FAILED, "provider: 529 overloaded", True),
        (429, "slow", Outcome.FAILED, "provider: 429 slow", True),
        (None, "refused", Outcome.FAILED, "provider: no answer refused", True),
        (400, "too long", Outcome.FAILED, "request: 400 too long", False),
    ],
)
def test_an_api_error_decides_outcome_and_whether_to_try_again(status, message, outcome, reason, retryable):
    result = api_error(status, message)
    assert (result.outcome, result.reason, result.retryable) == (outcome, reason, retryable)


def test_a_reason_is_one_line_of_bounded_length():
    reason = failed("a\nb " * 1000).reason
    assert "\n" not in reason
    assert len(reason) == 400


def test_an_output_that_does_not_fit_is_explained():
    assert invalid(SCHEMA, {"a": 1}) is None
    assert invalid(SCHEMA, {"a": "x"}) == "a: 'x' is not of type 'integer'"
    assert invalid(SCHEMA, {}) == "the answer: 'a' is a required property"
