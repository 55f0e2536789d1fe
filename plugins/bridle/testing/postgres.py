"""A real PostgreSQL for tests: one server per test session, a fresh database per test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from bridle.local.postgres import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[Postgres]":
    """A running server without durability, ended with the test session."""
    from bridle.local.postgres import Postgres

    # not pytest's own folder: for root it is closed to the lesser user that the server runs as
    with TemporaryDirectory(prefix="bridle-postgres-") as folder, Postgres(Path(folder), fast=True) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: "Postgres") -> Iterator[str]:
    """URL of an empty database of this test's own; dropped afterwards."""
    with fresh_database(postgres_server) as url:
        yield url


@contextmanager
def fresh_database(server: "Postgres", *, like: str | None = None) -> Iterator[str]:
    """A database on `server` for as long as the block runs; yields its URL.

    Args:
        server: where.
        like: the database that it is a copy of, which nobody may be connected to; default: it is empty.
    """
    name = f"test_{uuid4().hex[:12]}"
    server.create_database(name, like=like)
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)
