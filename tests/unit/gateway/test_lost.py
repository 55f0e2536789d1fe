"""What a provider says about trying again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bridle.gateway.lost import retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": format_datetime(datetime.now(UTC) - timedelta(hours=1))}, 0),
    ],
)
def test_it_is_said_in_seconds_milliseconds_or_as_a_date(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    "told", ["", "soon", "inf", "nan", "1e300", "Wed, 21 Oct 99999999999 07:28:00 GMT", "Infinity"]
)
def test_what_is_no_time_is_not_said(told: str) -> None:
    """It reaches timedelta, which takes neither, and the step would fail with a traceback of ours."""
    assert retry_after({"retry-after": told}) is None
    assert retry_after({"retry-after-ms": told, "retry-after": told}) is None
