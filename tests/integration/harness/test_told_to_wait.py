"""What a provider says about trying again reaches Airflow's retry."""

from collections.abc import Callable

import pytest
from harness_bench import Bed

from bridle.errors import CredentialError, ProviderDown
from bridle.harness.work import work

Make = Callable[..., Bed]


def test_a_provider_that_says_when_to_come_back_is_quoted(bed: Make) -> None:
    """And what has not been answered is not paid for."""
    here = bed({"implement": [[{"text": "never", "fail": [429] * 20, "retry_after": 90}]]})
    with pytest.raises(ProviderDown, match="429") as down:
        work(here.step(), here.work(access="read", check=None))
    assert down.value.retry_after is not None
    assert 30 < down.value.retry_after <= 90
    assert here.ledger.session_totals("step:dag/run/implement").cost_usd == 0


def test_a_wrong_key_is_the_users_business_and_no_outage(bed: Make) -> None:
    here = bed({"implement": [[{"text": "never", "fail": [401] * 20}]]})
    with pytest.raises(CredentialError, match="bridle_anthropic"):
        work(here.step(), here.work(access="read", check=None))
    assert here.ledger.session_totals("step:dag/run/implement").calls == 1
