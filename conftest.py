"""The order of the suite."""

import pytest

_AIRFLOW = ("stack", "world")
"""Fixtures that keep a whole Airflow running until the session ends."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with an Airflow come last, those with the same one together: an idle one slows the others."""

    def needs(item: pytest.Item) -> list[bool]:
        return [name in getattr(item, "fixturenames", ()) for name in _AIRFLOW]

    items.sort(key=needs)
