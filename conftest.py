"""How the suite is spread over processes: `make test` runs it with pytest-xdist."""

import gc
import os
from typing import Any

import pytest

gc.set_threshold(10_000)  # Airflow's modules are looked through less often: they are no garbage

_WITH_AIRFLOW = ("tests/e2e/", "tests/integration/local/", "docs/example/")
_WITH_API_SERVER = "tests/integration/dashboard/"
_SHORT = ("tests/unit/", "tests/hostile/")


def _unit_of_work(nodeid: str) -> str:
    """The tests of a file share servers, and two Airflows at once would starve each other."""
    file = nodeid.partition("::")[0]
    if file.startswith(_WITH_AIRFLOW):
        return "airflow"
    return "dashboard" if file.startswith(_WITH_API_SERVER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the one with the Airflow waits for much of its time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process takes what needs an Airflow, one after the other; the rest goes file by file."""
    from xdist.scheduler import LoadScopeScheduling

    class ByServers(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit_of_work(nodeid)

    return ByServers(config, log)


def _rank(item: pytest.Item) -> tuple[bool, bool, bool]:
    unit = _unit_of_work(item.nodeid)
    alone = "world" not in getattr(item, "fixturenames", ())
    return unit != "airflow", alone, unit.startswith(_SHORT)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs an Airflow comes first: it takes the longest; before all, what shares one, which then ends.

    Files that take no time come last, so that no process is left with a long one.
    """
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """What was imported stays: nothing of it is looked at again."""
    gc.freeze()
