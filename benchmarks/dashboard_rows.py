"""A large ledger, and Airflow's rows beside it, made by the databases themselves: for `dashboard.py`.

Nothing is written through the ledger's door, which would take hours. What triggers keep is filled by the
statements with which the migration fills it for a ledger that has rows already.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url

from bridle.ledger.migrations.versions.v0005_reading import FILL_RUN, FILL_SPENDING
from bridle.ledger.partitions import make_partitions

DAGS = ("issue_fix", "spec_routine", "goal_loop")
DAYS = 90


@dataclass(frozen=True)
class Size:
    """How much of each."""

    runs: int = 10_000
    sessions: int = 100_000
    """One run has a fiftieth of them."""
    events: int = 1_000_000
    """One session has a fiftieth of them."""
    calls: int = 500_000


_FILE = Path(__file__).with_suffix(".sql")
_NUMBER = re.compile(r"(?<!:):(runs|sessions|events|calls|days)\b")

_COLUMNS = """SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position"""


def fill_ledger(url: str, size: Size) -> None:
    """Write it, and let Postgres look at it."""
    engine = create_engine(url)
    with engine.begin() as owner:
        make_partitions(owner, datetime.now(UTC) - timedelta(days=DAYS + 1), months=DAYS // 30 + 3)
    engine.dispose()
    numbers = {**size.__dict__, "days": DAYS}
    statements = _NUMBER.sub(lambda found: str(numbers[found[1]]), _FILE.read_text(encoding="utf-8"))
    with psycopg.connect(_plain(url)) as connection:
        for each in (statements, FILL_RUN, FILL_SPENDING):
            connection.execute(each.encode())
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def fill_airflow(url: str, runs: int, *, template: str = "template") -> None:
    """As many runs as the ledger has, and twice as many of a DAG that never has a session; 30 questions.

    Args:
        url: of Airflow's database, in which each DAG has one run called `template`.
        runs: how many.
        template: copied.
    """
    with psycopg.connect(_plain(url)) as connection:
        of_run = [name for (name,) in connection.execute(_COLUMNS, ["dag_run"]) if name != "id"]
        said = {
            "run_id": "'manual__' || n",
            "logical_date": "NULL",
            "state": "CASE WHEN n % 10 = 9 THEN 'failed' WHEN n % 500 = 7 THEN 'running' ELSE 'success' END",
            "end_date": f"now() - interval '{DAYS} days' * (1 - n::float / {runs}) + interval '1 hour'",
            "triggering_user_name": "'user-' || n % 9",
        }
        columns = ", ".join(f'"{name}"' for name in of_run)
        values = ", ".join(said.get(name, f't."{name}"') for name in of_run)
        for dag_id, count, which in (
            ("issue_fix", runs, "n % 20 < 12"),
            ("spec_routine", runs, "n % 20 BETWEEN 12 AND 16"),
            ("goal_loop", runs, "n % 20 >= 17"),
            ("watch", 2 * runs, "true"),
        ):
            copies = (
                f"INSERT INTO dag_run ({columns}) SELECT {values} "
                f"FROM dag_run t, generate_series(1, {count}) n "
                f"WHERE t.dag_id = '{dag_id}' AND t.run_id = '{template}' AND {which}"
            )
            connection.execute(copies.encode())
        of_task = [name for (name,) in connection.execute(_COLUMNS, ["task_instance"])]
        said = {"id": "gen_random_uuid()", "run_id": "'manual__' || n", "state": "'awaiting_input'"}
        columns = ", ".join(f'"{name}"' for name in of_task)
        values = ", ".join(said.get(name, f't."{name}"') for name in of_task)
        asking = (
            f"WITH asking AS (INSERT INTO task_instance ({columns}) SELECT {values} "
            "FROM task_instance t, generate_series(20, 600, 20) n "
            f"WHERE t.dag_id = 'issue_fix' AND t.run_id = '{template}' RETURNING id) "
            "INSERT INTO hitl_detail (ti_id, options, subject, multiple, params, params_input, created_at) "
            "SELECT id, '[\"Approve\", \"Reject\"]', 'Publish?', false, '{}', '{}', now() FROM asking"
        )
        connection.execute(asking.encode())
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
