"""What the doctor says of the ledger, of Airflow's database, and of their clocks."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import yaml
from doctor_clinic import Installed, Seen, environment, looked_at

from bridle.doctor.database import ledger, metadata
from bridle.ledger.migrate import head
from patience import until


@pytest.fixture
def ledger_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What is said of a ledger, when the connection names this URL."""

    def told(url: str) -> list[dict[str, str]]:
        monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_LEDGER", url.replace("postgresql+psycopg", "postgresql"))
        return looked_at(ledger, tmp_path)

    return told


def change(url: str, statement: str) -> None:
    """Do something to the database, as its owner."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def test_a_ledger_without_its_connection_or_its_server_is_told(ledger_of, monkeypatch, tmp_path) -> None:
    found = ledger_of("postgresql://bridle:hidden@127.0.0.1:1/bridle")
    Seen("ledger", "fail", ("127.0.0.1:1/bridle", "cannot be reached"), "start it").check(found)
    assert "hidden" not in str(found)
    monkeypatch.delenv("AIRFLOW_CONN_BRIDLE_LEDGER")
    Seen("ledger", "fail", ("AIRFLOW_CONN_BRIDLE_LEDGER",), "bridle up").check(looked_at(ledger, tmp_path))


def test_a_ledger_without_tables_needs_only_its_migration(ledger_of, postgres_url: str) -> None:
    found = ledger_of(postgres_url)
    assert [finding["what"] for finding in found] == ["ledger", "clock", "migrations"]
    Seen("migrations", "fail", ("no tables yet", head()), "bridle migrate").check(found)


@pytest.mark.parametrize(("at", "remedy"), [("0001", "bridle migrate"), ("9999", "upgrade airflow-bridle")])
def test_a_ledger_of_another_version_is_told(ledger_of, ledger_url: str, at: str, remedy: str) -> None:
    change(ledger_url, f"UPDATE bridle.alembic_version SET version_num = '{at}'")
    Seen("migrations", "fail", (at, head()), remedy).check(ledger_of(ledger_url))


def test_a_login_that_may_rewrite_the_books_is_told(ledger_of, ledger_url: str, task_url: str) -> None:
    seen = Seen("ledger's login", "warn", ("who may rewrite the books",), "bridle migrate --task-login")
    seen.check(ledger_of(ledger_url))
    assert "ledger's login" not in {finding["what"] for finding in ledger_of(task_url)}


def test_a_ledger_without_next_months_partitions_is_told(ledger_of, ledger_url: str) -> None:
    now = datetime.now(UTC)
    change(ledger_url, f"DROP TABLE bridle.event_{now.year + now.month // 12}_{now.month % 12 + 1:02d}")
    Seen("partitions", "warn", ("none for next month",), "bridle migrate").check(ledger_of(ledger_url))


@pytest.mark.parametrize(("seconds", "verdict"), [(0, "ok"), (5, "warn"), (-60, "fail")])
def test_a_clock_that_differs_from_the_databases_is_told(
    ledger_of, ledger_url: str, seconds: int, verdict: str
) -> None:
    """The database's clock is moved for whoever logs in: its function stands before PostgreSQL's own."""
    change(ledger_url, "CREATE SCHEMA moved")
    change(
        ledger_url,
        "CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
        f"$$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$",
    )
    name = sa.make_url(ledger_url).database
    change(ledger_url, f"ALTER DATABASE {name} SET search_path = moved, pg_catalog, public")

    def asked_quickly() -> list[dict[str, str]]:
        """Half of the time that the question takes counts as a difference: much on a busy machine."""
        findings = ledger_of(ledger_url)
        (said,) = (found["said"] for found in findings if found["what"] == "clock")
        told = re.search(r"([0-9.]+) s", said)
        return findings if told and abs(float(told[1]) - abs(seconds)) < 0.5 else []

    says, remedy = ("differ by", "NTP") if seconds else ("s from the database's", "")
    Seen("clock", verdict, (says,), remedy).check(until("the difference is told", asked_quickly))


def test_an_airflow_whose_database_is_away_or_has_no_driver_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = "Airflow's database"
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg://a:hidden@127.0.0.1:1/x")
    found = looked_at(metadata, tmp_path)
    Seen(what, "fail", ("postgresql 127.0.0.1/x", "refused"), "start it").check(found)
    assert "hidden" not in str(found)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "mysql+mysqldb://a@127.0.0.1:1/x")
    Seen(what, "fail", ("mysql 127.0.0.1/x", "MySQLdb"), "its driver").check(looked_at(metadata, tmp_path))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database with Airflow's own tables."""
    folder = tmp_path_factory.mktemp("airflow")
    env = environment(folder, AIRFLOW_HOME=str(folder))
    program = Path(sys.executable).parent / "airflow"
    subprocess.run([program, "db", "migrate"], env=env, capture_output=True, check=True)
    yield folder / "airflow.db"


@pytest.mark.parametrize(
    ("slots", "seen"),
    [
        (None, Seen("pool anthropic", "fail", ("Airflow has none", "never start"), "bridle migrate")),
        (9, Seen("pool anthropic", "warn", ("9 slots, roles.yaml says 4",), "bridle migrate")),
        (4, Seen("pool anthropic", "ok", ("4 slots",))),
    ],
    ids=["missing", "other size", "well"],
)
def test_pools_that_roles_need_are_compared_with_airflows(
    airflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: int | None, seen: Seen
) -> None:
    role = {"agent": "api", "model": "anthropic:claude-haiku-4-5", "pool": "anthropic"}
    roles = tmp_path / "roles.yaml"
    roles.write_text(yaml.safe_dump({"roles": {"r": role}, "pools": {"anthropic": 4}}))
    monkeypatch.setenv("AIRFLOW__BRIDLE__ROLES_FILE", str(roles))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{airflow}")
    with closing(sa.create_engine(f"sqlite:///{airflow}").connect()) as connection:
        connection.execute(sa.text("DELETE FROM slot_pool WHERE pool = 'anthropic'"))
        if slots is not None:
            new = "INSERT INTO slot_pool (pool, slots, include_deferred) VALUES ('anthropic', :slots, false)"
            connection.execute(sa.text(new), {"slots": slots})
        connection.commit()
    found = looked_at(metadata, tmp_path)
    seen.check(found)
    Seen("Airflow's database", "warn", ("sqlite",), "use PostgreSQL").check(found)


def test_a_dag_file_that_airflow_cannot_read_is_told_when_it_is_about_bridle(
    airflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{airflow}")
    ours = "Traceback\n  File bridle/params.py\nbridle.errors.ConfigError: roles.yaml:3: it is wrong"
    with closing(sa.create_engine(f"sqlite:///{airflow}").connect()) as connection:
        new = sa.text("INSERT INTO import_error (filename, stacktrace) VALUES (:name, :trace)")
        connection.execute(new, {"name": "mine.py", "trace": ours})
        connection.execute(new, {"name": "other.py", "trace": "ImportError: no module named pandas"})
        connection.commit()
    found = looked_at(metadata, tmp_path)
    Seen("DAG file mine.py", "fail", ("roles.yaml:3: it is wrong",), "correct it").check(found)
    assert "DAG file other.py" not in {finding["what"] for finding in found}


def test_an_airflow_whose_tables_are_not_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{tmp_path}/new.db")
    found = [each for each in looked_at(metadata, tmp_path) if each["verdict"] == "fail"]
    Seen("Airflow's database", "fail", ("no such table",), "airflow db migrate").check(found)


def test_where_no_airflow_is_configured_its_database_is_not_looked_for(installed: Installed) -> None:
    assert os.environ.get("AIRFLOW_HOME") != str(installed.folder)
    (found,) = looked_at(metadata, installed.folder, configured=False)
    assert (found["verdict"], "bridle up" in found["remedy"]) == ("unseen", True)
