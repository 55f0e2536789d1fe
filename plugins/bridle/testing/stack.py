"""A real local stack for tests: PostgreSQL, API server, scheduler and DAG processor, one per test session."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bridle.local.stack import StackInfo


@pytest.fixture(scope="session")
def stack_dags() -> Path | None:
    """Folder of DAG files of the fixture `stack`; override it in your conftest."""
    return None


@pytest.fixture(scope="session")
def stack_include() -> Path | None:
    """Include folder of the fixture `stack`; override it in your conftest."""
    return None


@pytest.fixture(scope="session")
def stack_env() -> Mapping[str, str]:
    """Extra variables of Airflow's components; override it in your conftest."""
    return {}


@pytest.fixture(scope="session")
def stack(
    stack_dags: Path | None, stack_include: Path | None, stack_env: Mapping[str, str]
) -> "Iterator[StackInfo]":
    """A running stack with fast settings; ended with the test session."""
    with running_stack(dags=stack_dags, include=stack_include, env=stack_env) as info:
        yield info


@contextmanager
def running_stack(
    *, dags: Path | None = None, include: Path | None = None, env: Mapping[str, str] | None = None
) -> "Iterator[StackInfo]":
    """A stack of its own, on free ports, for as long as the block runs; its folder is deleted afterwards.

    Args:
        dags: folder of DAG files; default: Bridle's.
        include: include folder; default: Bridle's.
        env: extra variables of Airflow's components.
    """
    from bridle.local.ports import free_port
    from bridle.local.stack import Stack

    # not pytest's own folder: for root it is closed to the lesser user that PostgreSQL runs as
    with TemporaryDirectory(prefix="bridle-stack-") as folder:
        stack = Stack(Path(folder), port=free_port(), dags=dags, include=include, env=env, fast=True)
        try:
            yield stack.up(tethered=True)
        finally:
            stack.down()
