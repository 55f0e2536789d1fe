"""Whole workflows in a real Airflow: scheduler, API server, PostgreSQL, git, agents; the model is played.

A test names its scenario with `@pytest.mark.parametrize("stage", [SCENARIO], indirect=True)`. The scenarios
of all tests that were selected are played in one Airflow, some at a time, whatever the order of the tests;
it ends with the last of these tests, and what comes then has the machine for itself.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from e2e_browser import Dashboard, logged_in
from e2e_scenario import Scenario
from e2e_stage import Stage
from e2e_world import World, world_of

_OPEN = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Airflow, with every selected scenario being played."""
    params = [
        item.callspec.params.get("stage") for item in request.session.items if hasattr(item, "callspec")
    ]
    wanted = {param.name: param for param in params if isinstance(param, Scenario)}
    with ExitStack() as stack:
        world = stack.enter_context(world_of(list(wanted.values())))
        stack.callback(_nothing_is_left, world)
        request.session.stash[_OPEN] = stack
        yield world


def _nothing_is_left(world: World) -> None:
    world.end()
    assert world.left_over() == set()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The world ends with the last test that needs it: an idle Airflow takes a third of a core."""
    if _OPEN in item.session.stash and "world" not in getattr(nextitem, "fixturenames", ()):
        item.session.stash[_OPEN].close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, world: World) -> Stage:
    """The scenario's stage, after its plot has come to its end."""
    return world.played(request.param)


@pytest.fixture(scope="module")
def window(world: World) -> Iterator[Dashboard]:
    """A window on the dashboard, of a user who is logged in."""
    with logged_in(world.info) as window:
        yield window


@pytest.fixture
def dashboard(window: Dashboard) -> Iterator[Dashboard]:
    """The same; the pages' code must not have thrown anything."""
    window.page.set_viewport_size({"width": 1400, "height": 900})
    yield window
    errors = window.errors.copy()
    window.errors.clear()
    assert errors == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a scenario waits for its plot, and for those that are played before it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1800))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Tests are named after their scenario."""
    return val.name if isinstance(val, Scenario) else None
