"""How the suite is spread over two processes: `make test` runs it with pytest-xdist."""

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_ENDS = _ROOT / "tests" / "e2e"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process takes what needs an Airflow, first and one after the other; the rest goes file by file.

    The tests of a file share servers, and two Airflows at once would starve each other.
    """
    for item in items:
        with_airflow = _ENDS in item.path.parents or "stack" in getattr(item, "fixturenames", ())
        group = "airflow" if with_airflow else str(item.path.relative_to(_ROOT))
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group").args[0] != "airflow")
