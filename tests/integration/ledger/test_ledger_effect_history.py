"""Several runs write to one object: the object has one row, and no run loses what it wrote."""

import signal
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic import command
from ledger_rows import STEP, make_attempt
from sqlalchemy.exc import ProgrammingError
from test_ledger_effects import PROGRAM
from test_ledger_schema import sql

from bridle.errors import StopRequested
from bridle.ledger import migrate
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.queries import Queries
from bridle.ledger.retention import Retention, retire
from bridle.ledger.run_list import pull_requests_of
from bridle.ledger.schema import SCHEMA
from bridle.ledger.store import Ledger

KEY = "pull_request:demo:bridle/issue-1"


def of_run(run, **fields):
    """A try in this run of the step that publishes."""
    return make_attempt(step=replace(STEP, run_id=run, task_id="open_pull_request"), **fields)


def write(ledger, attempt, version, *, key=KEY, kind="pull_request"):
    """Write to the object, in a world where it has never this version yet."""
    perform(
        ledger,
        attempt,
        ledger.take_step(attempt),
        key=key,
        version=version,
        kind=kind,
        target="demo:bridle/issue-1",
        lookup=lambda: None,
        act=lambda: Receipt(version, url=f"https://forge.test/pull/1#{version}", data={"run": version}),
        settle_seconds=0.2,
    )


@pytest.fixture
def queries(task_url):
    """Reads with the rights of tasks, as the sweeper does."""
    with Queries(task_url) as queries:
        yield queries


def told(queries, run):
    """(version, state, address) of what a run wrote, oldest first."""
    rows = reversed(queries.effects(STEP.dag_id, run))
    return [(row.version, row.state, (row.receipt or {}).get("url")) for row in rows]


def did(version):
    return (version, "done", f"https://forge.test/pull/1#{version}")


def test_each_of_three_runs_at_one_pull_request_keeps_its_own_write(ledger, queries):
    attempts = {run: of_run(run) for run in ("one", "two", "three")}
    for run, attempt in attempts.items():
        write(ledger, attempt, f"v-{run}")
    before = None
    for run, attempt in attempts.items():
        assert told(queries, run) == [did(f"v-{run}")]
        (row,) = queries.effects(STEP.dag_id, run)
        assert (row.attempt, row.receipt["data"]) == (attempt, {"run": f"v-{run}"})
        assert row.intended_at <= row.done_at
        assert before is None or before < row.intended_at, "each has its own time"
        before = row.done_at
    assert [row.version for row in queries.effects()] == ["v-three", "v-two", "v-one"]


def test_an_object_belongs_to_the_run_that_wrote_to_it_last(ledger, queries):
    """By that the sweeper goes: what a later run has taken over stays."""
    for run in ("one", "two"):
        write(ledger, of_run(run), f"v-{run}")
    write(ledger, of_run("one"), "v", key="comment", kind="comment")
    (row,) = queries.newest_effects(["pull_request", "push"])
    assert (row.attempt.step.run_id, row.version) == ("two", "v-two")
    assert ledger.effect(KEY) == row


def test_a_run_that_is_cleared_as_a_whole_keeps_what_it_wrote_before(ledger, queries):
    write(ledger, of_run("one"), "v1")
    write(ledger, of_run("one", generation=1), "v2")
    assert told(queries, "one") == [did("v1"), did("v2")]
    assert [row.attempt.generation for row in queries.effects(STEP.dag_id, "one")] == [1, 0]


def test_a_retry_that_finds_it_done_writes_no_history(ledger, queries):
    for number in (1, 2):
        write(ledger, of_run("one", number=number), "v1")
    assert told(queries, "one") == [did("v1")]


def test_a_write_that_was_begun_has_nothing_of_the_one_before_it(ledger, queries):
    """Neither its address nor its time: the object may be gone from the world since."""
    write(ledger, of_run("one"), "v1")
    later = of_run("two")
    row = ledger.effect_intend(later, ledger.take_step(later), KEY, "v2", "pull_request", "demo")
    assert (row.state, row.receipt, row.done_at) == ("intended", None, None)
    assert told(queries, "two") == [("v2", "intended", None)]
    assert told(queries, "one") == [did("v1")]


def test_an_intent_that_is_refused_changes_nothing(ledger, queries):
    write(ledger, of_run("one"), "v1")
    ledger.request_stop("run:issue_fix/two", "human:ada")
    with pytest.raises(StopRequested):
        write(ledger, of_run("two"), "v2")
    assert told(queries, "two") == []
    assert [row.version for row in queries.effects()] == ["v1"]


@pytest.mark.parametrize("where", ["before", "intended", "acting", "acted", "done"])
def test_wherever_a_later_run_is_killed_the_earlier_one_keeps_its_write_and_each_is_told_once(
    ledger, ledger_url, queries, tmp_path, python, where
):
    comment = {"key": "comment:demo#7", "kind": "comment"}
    write(ledger, of_run("one"), "v0", **comment)
    victim = python(PROGRAM, ledger_url, tmp_path, where, make_attempt().ti_id)
    assert victim.stdout.readline() == "reached\n"
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert told(queries, "one") == [did("v0")]
    begun = {"before": [], "done": [("v1", "done", "file:")]}
    assert told(queries, STEP.run_id) == begun.get(where, [("v1", "intended", None)])
    write(ledger, make_attempt(2), "v1", **comment)
    assert told(queries, "one") == [did("v0")]
    assert [version for version, state, _ in told(queries, STEP.run_id) if state == "done"] == ["v1"]
    assert len(queries.effects()) == 2


def test_the_list_of_runs_has_the_pull_request_for_each_run_that_wrote_to_it(ledger, queries):
    for run in ("one", "two"):
        write(ledger, of_run(run), f"v-{run}")
    begun = of_run("three")
    ledger.effect_intend(begun, ledger.take_step(begun), KEY, "v-three", "pull_request", "demo")
    keys = [(STEP.dag_id, run) for run in ("one", "two", "three", "four")]
    found = {row["run_id"]: row["url"] for row in queries.rows(pull_requests_of(keys))}
    assert found == {run: f"https://forge.test/pull/1#v-{run}" for run in ("one", "two")}


def test_a_task_cannot_lose_what_was_done_whatever_it_writes(ledger, task_url, queries):
    write(ledger, of_run("one"), "v1")
    sql(task_url, "update bridle.effect set run_id = 'two', receipt = null, version = 'forged'")
    assert told(queries, "one") == [did("v1")]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into bridle.effect_past (key) values ('k')",
        "update bridle.effect_past set version = 'v'",
        "delete from bridle.effect_past",
        "truncate bridle.effect_past",
        "alter table bridle.effect disable trigger keep_effect",
    ],
)
def test_a_task_cannot_write_the_past(ledger, task_url, statement):
    write(ledger, of_run("one"), "v1")
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        sql(task_url, statement)


def test_past_writes_are_books_and_stay(ledger, ledger_url, queries):
    """As the rows of objects do; and what is said in one of them is kept as long as one of theirs."""
    digest = ledger.put_artifact("what was written").removeprefix("sha256:")
    write(ledger, of_run("one"), digest)
    write(ledger, of_run("two"), "v2")
    sql(ledger_url, "update bridle.artifact set at = now() - interval '400 days'")
    assert retire(ledger_url, Retention()).artifacts == 0
    sql(ledger_url, "update bridle.effect_past set intended_at = now() - interval '400 days'")
    assert retire(ledger_url, Retention()).artifacts == 1
    assert [version for version, *_ in told(queries, "one")] == [digest]


def test_a_ledger_from_before_keeps_its_rows_and_has_history_from_then_on(postgres_url):
    """What earlier runs of an object had written by then, it has never kept."""
    engine = sa.create_engine(postgres_url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        connection.execute(
            sa.text(
                "insert into bridle.effect (key, version, kind, target, state, dag_id, run_id, task_id, "
                "map_index, ti_id, try_number, generation, fence_key, fence_token, fence_holder, done_at, "
                "receipt) values (:key, 'v1', 'pull_request', 'demo', 'done', 'issue_fix', 'one', "
                "'open_pull_request', -1, 't', 1, 0, 'k', 1, 't', clock_timestamp(), "
                """'{"version": "v1", "url": "https://forge.test/pull/1#v1", "data": {}}')"""
            ),
            {"key": KEY},
        )
    assert migrate.current(postgres_url) == "0008"
    migrate.upgrade(postgres_url)
    with Ledger(postgres_url) as ledger, Queries(postgres_url) as queries:
        assert told(queries, "one") == [did("v1")]
        write(ledger, of_run("two"), "v2")
        assert (told(queries, "one"), told(queries, "two")) == ([did("v1")], [did("v2")])
