"""How the suite is spread over two processes: `make test` runs it with pytest-xdist."""

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_ENDS = _ROOT / "tests" / "e2e"


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """One process takes what needs an Airflow; the rest goes file by file.

    The tests of a file share servers, and two Airflows at once would starve each other.
    """
    with_airflow = _ENDS in item.path.parents or "stack" in getattr(item, "fixturenames", ())
    item.add_marker(pytest.mark.xdist_group("airflow" if with_airflow else str(item.path.relative_to(_ROOT))))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs an Airflow comes first: it takes the longest."""
    items.sort(key=lambda item: [mark.args for mark in item.iter_markers("xdist_group")] != [("airflow",)])
