"""One API server of Airflow with a filled ledger for all tests of the dashboard."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import dash_auth
import pytest
from dash_books import Books

from bridle.testing.api_server import ApiServer

HERE = Path(__file__).parent
USERS = {
    "admin": "admin",
    "viewer": "viewer",
    "stranger": "op",
    "nobody": "op",
    "editor": "op",
    "starter": "op",
}
"""`stranger` may do everything with `open_dag`, nothing with `closed_dag`; `nobody` has rights to no DAG;
`editor` may change runs and start none, `starter` the other way round."""


@pytest.fixture(scope="session")
def airflow(postgres_server):
    env = {
        "PYTHONPATH": str(HERE),
        "AIRFLOW__CORE__AUTH_MANAGER": "dash_auth.PerDagAuthManager",
        dash_auth.VARIABLE: json.dumps({"stranger": ["open_dag"], "nobody": []}),
        dash_auth.METHODS: json.dumps({"editor": ["GET", "PUT"], "starter": ["GET", "POST"]}),
    }
    with (
        TemporaryDirectory(prefix="bridle-dash-") as folder,
        ApiServer(postgres_server, Path(folder), dags=HERE / "dags", users=USERS, env=env) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def clients(airflow):
    """User to a client that is logged in."""
    clients = {name: airflow.login(name) for name in USERS}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="session")
def admin(clients):
    return clients["admin"]


@pytest.fixture(scope="session")
def books(airflow, admin):
    """What has happened; see `dash_books`."""
    with Books(airflow, admin) as books:
        books.write()
        yield books


@pytest.fixture(scope="session")
def open_loop(books):
    """Opens a loop of `open_dag` in its first and only round; gives back its id."""

    def open_loop(loop_id):
        base = "a" * 40
        terms = {"goal": "g", "repo": "demo", "base": base, "branch": "b", "hours": None}
        books.ledger.open_loop(loop_id, dag_id="open_dag", params={"max_rounds": 1}, **terms)
        books.ledger.open_round(loop_id, 1, run_id=f"{loop_id}-r1", base=base)
        return loop_id

    return open_loop


@pytest.fixture
def ask(admin, books):
    """What the API answers to `admin`."""

    def ask(path, **params):
        answer = admin.get(f"/bridle/api/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def every_page(ask):
    """All pages of a list, one behind the other."""

    def every_page(path, field, **params):
        found, cursor = [], {}
        while True:
            page = ask(path, **params, **cursor)
            found += page[field]
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}

    return every_page
