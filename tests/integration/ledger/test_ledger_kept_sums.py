"""Two tables are kept by triggers: whatever happens in whatever order, they say what the rows say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_rows import STEP, make_attempt, make_call, make_start

from bridle.errors import IssueError
from bridle.ledger.migrations.versions.v0005_reading import FILL_RUN, FILL_SPENDING
from bridle.ledger.records import Price, Usage
from bridle.ledger.retention import Retention, retire

NAMES = st.sampled_from(["", "x", "y"])
ENDS = {
    "ok": (Usage(40, 10, 20, 5, 1), Decimal("0.0123456789"), 200),
    "no price": (Usage(7, 3), None, 200),
    "cut": (None, None, None),
    "refused": (None, None, 529),
}
STEPS = st.one_of(
    st.tuples(st.just("open"), st.integers(1, 3), NAMES, NAMES),
    st.tuples(st.just("reserve"), st.integers(0, 9), NAMES, NAMES),
    st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from(sorted(ENDS)), NAMES),
    st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from(sorted(ENDS)), NAMES),
    st.tuples(st.just("close"), st.integers(0, 9), st.sampled_from(["done", "lost"]), NAMES),
    st.tuples(st.just("fail"), st.integers(1, 3)),
    st.tuples(st.just("change_model"), st.integers(0, 9), NAMES, NAMES),
    st.tuples(st.just("another_day"), st.integers(0, 9)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("retire")),
)

RUNS = """
select dag_id, run_id, count(id) sessions, count(id) filter (where closed_at is null) open_sessions,
    min(opened_at) opened_at, max(greatest(opened_at, closed_at)) last_at,
    (select x.repo from bridle.session x where x.run_id = s.run_id and repo is not null order by id limit 1)
        repo,
    coalesce((select left(x.summary, 500) from bridle.session x where x.run_id = s.run_id and summary <> ''
        order by closed_at desc limit 1), '') summary
from (select id, dag_id, run_id, opened_at, closed_at from bridle.session
      union all select null, dag_id, run_id, at, null from bridle.failure) s group by 1, 2 order by 1, 2
"""
SPENDING = """
select c.session_id, (c.reserved_at at time zone 'UTC')::date as day, c.provider, c.model as asked,
    coalesce(c.answered_model, c.model) as model, s.dag_id, s.run_id, s.role, s.agent,
    coalesce(s.repo, '') repo,
    count(*) calls, count(*) - count(cost) unknown_calls, count(*) - count(input_tokens) unmeasured_calls,
    coalesce(sum(cost), 0) cost,
    sum(case when c.state <> 'reserved' then coalesce(cost, estimated_usd) else 0 end) counted_usd,
    sum(case when c.state <> 'reserved' then coalesce(input_tokens + output_tokens, estimated_tokens)
        else 0 end) counted_tokens,
    coalesce(sum(input_tokens), 0) input_tokens, coalesce(sum(output_tokens), 0) output_tokens,
    coalesce(sum(cache_read_tokens), 0) cache_read_tokens,
    coalesce(sum(cache_write_tokens), 0) cache_write_tokens,
    coalesce(sum(reasoning_tokens), 0) reasoning_tokens
from bridle.model_call c join bridle.session s on s.id = c.session_id
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 order by 1, 2, 3, 4, 5
"""


class World:
    """What the steps do, through the ledger's own door; what only an owner may do, by SQL."""

    def __init__(self, ledger, owner):
        self.ledger = ledger
        self.owner = owner
        self.sessions = []
        self.calls = []

    def open(self, run, repo, agent):
        step = replace(STEP, run_id=f"manual__{run}", task_id=f"t{len(self.sessions)}")
        attempt = make_attempt(step=step)
        fence = self.ledger.take_step(attempt)
        start = make_start(attempt, fence, repo=repo or None, agent=agent)
        self.sessions.append((self.ledger.open_session(start), fence, []))

    def reserve(self, number, provider, model):
        if open_ones := [each for each in self.sessions if not each[2]]:
            session_id, fence, _ = open_ones[number % len(open_ones)]
            self.calls.append(
                self.ledger.reserve(make_call(session_id, fence, provider=provider, model=model))
            )

    def settle(self, number, how, answered):
        if self.calls:
            usage, cost, http = ENDS[how]
            self.ledger.settle(
                self.calls[number % len(self.calls)],
                usage=usage,
                price=Price(cost),
                status=how,
                http_status=http,
                answered_model=answered or None,
                latency_ms=1,
                first_byte_ms=1,
            )

    def close(self, number, outcome, summary):
        if open_ones := [each for each in self.sessions if not each[2]]:
            session_id, _, closed = open_ones[number % len(open_ones)]
            self.ledger.close_session(session_id, outcome=outcome, summary=summary)
            closed.append(outcome)

    def fail(self, run):
        step = replace(STEP, run_id=f"manual__{run}")
        self.ledger.record_failure(make_attempt(step=step), IssueError("closed"))

    def change_model(self, number, provider, model):
        if open_ones := [each for each in self.sessions if not each[2]]:
            session_id, *_ = open_ones[number % len(open_ones)]
            self.ledger.change_model(session_id, provider=provider, model=model)

    def another_day(self, number):
        if self.calls:
            moved = "update bridle.model_call set reserved_at = reserved_at - interval '1 day' where id = :id"
            self.rows(moved, id=self.calls[number % len(self.calls)])

    def delete(self, number):
        if self.calls:
            gone = self.calls.pop(number % len(self.calls))
            self.rows("delete from bridle.model_call where id = :id", id=gone)

    def retire(self):
        now = datetime.now(UTC) + timedelta(days=400)
        retire(self.owner.url.render_as_string(hide_password=False), Retention(), now=now)

    def rows(self, statement, **values):
        with self.owner.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []


@pytest.fixture
def world(ledger, ledger_url):
    return World(ledger, sa.create_engine(ledger_url, poolclass=sa.pool.NullPool))


RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=25, deadline=None, suppress_health_check=RELAXED)
@given(st.lists(STEPS, min_size=4, max_size=25))
def test_kept_sums_are_those_of_the_rows_whatever_happened(world, steps):
    for name, *arguments in steps:
        getattr(world, name)(*arguments)
    columns = "dag_id, run_id, sessions, open_sessions, opened_at, last_at, repo, summary"
    assert world.rows(f"select {columns} from bridle.run order by 1, 2") == world.rows(RUNS)
    assert world.rows("select * from bridle.spending order by 1, 2, 3, 4, 5") == world.rows(SPENDING)


def test_a_ledger_that_is_older_than_these_tables_gets_them_filled_the_same_way(world):
    for number in range(4):
        world.open(number % 2, "x", "api")
        world.reserve(number, "y", "x")
        world.reserve(number, "", "y")
        world.settle(2 * number, "ok", "z")
        if number < 3:
            world.close(0, "done", f"summary {number}")
    for table, fill in (("run", FILL_RUN), ("spending", FILL_SPENDING)):
        everything = f"select * from bridle.{table} order by 1, 2, 3, 4, 5"
        kept = world.rows(everything)
        world.rows(f"delete from bridle.{table}")
        world.rows(fill)
        assert world.rows(everything) == kept
        assert kept
