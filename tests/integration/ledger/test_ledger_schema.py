"""Migrations: from nothing, again, ahead, behind; partitions; and what a task's role may not do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ledger_rows import make_attempt, make_start
from sqlalchemy.exc import ProgrammingError
from test_ledger_pooler import use

from bridle.agents.base import Event, EventKind
from bridle.errors import ConfigError
from bridle.ledger import migrate
from bridle.ledger.ids import first_id, new_id
from bridle.ledger.login import make_task_login
from bridle.ledger.partitions import make_partitions
from bridle.ledger.schema import HEAD, SCHEMA, metadata
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres


def sql(url, statement, **values):
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        return result.all() if result.returns_rows else None


def test_the_tables_in_the_code_are_those_that_the_migrations_make(ledger_url):
    def ours(thing, name, kind, _reflected, _other):
        return kind != "table" or name in {table.name for table in metadata.sorted_tables}

    # a user named `bridle` has the schema as its default, which SQLAlchemy then leaves unnamed
    engine = sa.create_engine(
        ledger_url, poolclass=sa.pool.NullPool, connect_args={"options": "-c search_path=public"}
    )
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "include_object": ours,
                "compare_type": True,
            },
        )
        assert [change[:2] for change in compare_metadata(context, metadata)] == []


def test_the_head_that_tasks_compare_with_is_the_newest_migration():
    assert migrate.head() == HEAD


def test_migrating_twice_or_at_once_is_the_same_as_once(postgres_url):
    assert migrate.current(postgres_url) is None
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: migrate.upgrade(postgres_url), range(3)))
    migrate.upgrade(postgres_url)
    assert migrate.current(postgres_url) == HEAD
    with Ledger(postgres_url) as ledger:
        ledger.check_schema()


def test_the_database_is_made_when_asked(postgres_server):
    url = postgres_server.url("a-new one")
    try:
        for _ in range(2):
            migrate.upgrade(url, create_database=True)
        assert migrate.current(url) == HEAD
    finally:
        postgres_server.drop_database("a-new one")


def test_an_empty_database_is_told_to_migrate(postgres_url):
    with Ledger(postgres_url) as ledger:
        with pytest.raises(ConfigError, match="bridle migrate"):
            ledger.check_schema()
        with pytest.raises(ConfigError, match="bridle migrate"):
            ledger.lost_sessions()


def test_a_ledger_behind_is_told_to_migrate_and_one_ahead_to_upgrade(ledger, ledger_url):
    sql(ledger_url, "update bridle.alembic_version set version_num = '0000'")
    with pytest.raises(ConfigError, match=r"at migration 0000.*bridle migrate"):
        ledger.check_schema()
    sql(ledger_url, "update bridle.alembic_version set version_num = '9999'")
    with pytest.raises(ConfigError, match=r"at migration 9999.*upgrade airflow-bridle"):
        ledger.check_schema()
    with pytest.raises(ConfigError, match="upgrade airflow-bridle"):
        migrate.upgrade(ledger_url)


def test_a_database_shared_with_others_keeps_their_tables(postgres_url):
    sql(postgres_url, "create table session (id int)")
    sql(postgres_url, "create table alembic_version (version_num text)")
    migrate.upgrade(postgres_url)
    assert sql(postgres_url, "select count(*) from public.session") == [(0,)]
    assert sql(postgres_url, "select count(*) from public.alembic_version") == [(0,)]


def test_migrations_lie_inside_of_the_package():
    folder = Path(migrate.__file__).parent / "migrations"
    assert (folder / "env.py").is_file()
    assert list((folder / "versions").glob("v*.py"))


def test_rows_go_into_the_partition_of_their_month_and_else_into_the_default(ledger, ledger_url, opened):
    session_id = opened[2]
    ledger.record(session_id, [Event(kind=EventKind.TEXT)])
    month = datetime.now(UTC)
    placed = sql(ledger_url, "select c.relname from bridle.event join pg_class c on c.oid = event.tableoid")
    assert placed == [(f"event_{month:%Y_%m}",)]
    old = first_id(datetime(2020, 5, 17, tzinfo=UTC))
    sql(ledger_url, "insert into bridle.event values (:id, 1, now(), 'text', '{}')", id=old)
    placed = sql(
        ledger_url,
        "select c.relname from bridle.event join pg_class c on c.oid = event.tableoid where session_id = :id",
        id=old,
    )
    assert placed == [("event_default",)]
    with sa.create_engine(ledger_url, poolclass=sa.pool.NullPool).begin() as connection:
        made = make_partitions(connection, datetime(2020, 4, 2, tzinfo=UTC), months=3)
    expected = {
        "event_2020_04",
        "model_call_2020_04",
        "model_call_2020_05",
        "event_2020_06",
        "model_call_2020_06",
    }
    assert set(made) == expected, "a month that has begun in the default partition stays there"


def test_ids_sort_by_time():
    ids = [new_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    now = datetime.now(UTC)
    assert first_id(now - timedelta(minutes=1)) < ids[0] < first_id(now + timedelta(minutes=1))


def test_a_task_can_do_all_its_work_with_the_role_of_tasks(task_url, tmp_path):
    with Ledger(task_url, spool=tmp_path) as ledger:
        ledger.check_schema()
        use(ledger)
        attempt, fence = use_review(ledger)
        session_id = ledger.open_session(make_start(attempt, fence))
        for text in (b"one", b"one and two"):
            ledger.save_transcript(session_id, text)
        assert ledger.reviews_of_run(attempt.step)
        ledger.put_bundle("demo", "b" * 40, None, b"x")
        ledger.set_budget("all", cap_usd=None, cap_tokens=10)
        ledger.request_stop("all", "human:ada")
        assert ledger.lost_sessions() == []
        use_bisect(ledger, attempt, session_id)
        ledger.release(fence)


def use_bisect(ledger, attempt, session_id):
    searched = ledger.searched(f"run:{attempt.step.dag_id}/{attempt.step.run_id}")
    done_by = (attempt.step.dag_id, attempt.step.run_id)
    asked = ledger.ask_bisect(searched, check="tests", by="human:ada", done_by=done_by)
    row = ledger.begin_bisect(attempt, searched, check="tests", by="human:ada")
    assert row.id == asked
    ledger.note_bisect(row.id, repo="demo", check="tests", command="make test", commits=2)
    check = ledger.record_check(
        attempt,
        session_id,
        round=1,
        name="tests",
        command="make test",
        commit="b" * 40,
        exit_code=0,
        seconds=1.0,
        tail="",
        artifact=None,
        timed_out=False,
    )
    probe = ledger.record_probe(
        row.id,
        1,
        position=0,
        commit="b" * 40,
        round=None,
        session_id=session_id,
        again=False,
        passed=True,
        timed_out=False,
        seconds=1.0,
        check_run_id=check,
    )
    assert ledger.probes(row.id) == [probe]
    found = ledger.close_bisect(
        row.id,
        "found",
        why="w",
        searched=1,
        repeated=0,
        flaky=[],
        commit="b" * 40,
        good_commit="a" * 40,
        session_id=session_id,
        round=1,
        decision_id=None,
    )
    assert ledger.bisects(searched) == [found] == ledger.bisects_done_by(*done_by)


def use_review(ledger):
    attempt = make_attempt(2)
    fence = ledger.take_step(attempt)
    review = ledger.open_review(attempt, subject="s", commit="a" * 40, patch_hash="h", snapshot={})
    ledger.answer_review(review, decision="approve", by="human:ada")
    ledger.decide(attempt, what="w", options=[], choice="c", why="", confidence=None, by="rule")
    return attempt, fence


@pytest.mark.parametrize(
    "statement",
    [
        "update bridle.event set payload = '{}'",
        "delete from bridle.event",
        "delete from bridle.model_call",
        "update bridle.model_call set estimated_tokens = 0",
        "update bridle.session set prompt_digest = ''",
        "delete from bridle.session",
        "update bridle.decision set choice = ''",
        "update bridle.check_run set exit_code = 0",
        "update bridle.review set commit = ''",
        "update bridle.bisect_probe set passed = true",
        "update bridle.bisect set by = ''",
        "update bridle.artifact set data = ''",
        "update bridle.bundle set data = ''",
        "delete from bridle.effect",
        "update bridle.alembic_version set version_num = '0'",
        "drop table bridle.event",
        "truncate bridle.decision",
        "create table bridle.mine (id int)",
    ],
)
def test_a_task_cannot_rewrite_history(task_url, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        sql(task_url, statement)


DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.mark.skipif(not (DEBIAN / "postgres").exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_the_oldest_supported_server_does_everything_for_an_ordinary_user_too(monkeypatch, tmp_path):
    monkeypatch.setenv("BRIDLE_PG_BIN", str(DEBIAN))
    with TemporaryDirectory(prefix="bridle-postgres-") as folder, Postgres(Path(folder), fast=True) as server:
        url = server.url("ledger")
        plain = sa.make_url(url).set(username="plain", password="plain").render_as_string(hide_password=False)
        sql(server.url(), "create role plain login password 'plain' createdb")
        migrate.upgrade(plain, create_database=True)
        assert sql(url, "select count(*) from pg_roles where rolname = 'bridle_task'") == [(0,)]
        with Ledger(plain, spool=tmp_path) as ledger:
            use(ledger)
        with pytest.raises(ConfigError, match=r"CREATE ROLE bridle_task.*`bridle migrate` again"):
            make_task_login(plain, "worker", "word")
        sql(server.url(), "create role bridle_task")
        sql(server.url(), "create role worker login password 'word' in role bridle_task")
        migrate.upgrade(plain)
        with Ledger(
            sa.make_url(plain).set(username="worker", password="word").render_as_string(False)
        ) as ledger:
            ledger.take_step(make_attempt())
        server.drop_database("ledger")
        migrate.upgrade(url, create_database=True)
        assert sql(url, "show server_version_num")[0][0].startswith("15")
        with Ledger(url, spool=tmp_path) as ledger:
            ledger.check_schema()
            session_id = use(ledger)
            use_review(ledger)
            assert ledger.session_totals(session_id).calls == 8
