"""Every sum over runs (costs, budgets, loops, the overview) is the one that plain SQL finds in the rows."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from dash_truth import KEYS, names, plain, runs, totals

from bridle.gateway.price_list import PriceList
from bridle.ledger.records import Usage

SPANS = [{}, {"since": 2}, {"until": 3}, {"since": 5, "until": 2}, {"dag_id": "open_dag"}]
"""Days ago."""


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("wanted", SPANS)
def test_costs_are_the_sums_of_calls(ask, admin, books, by, wanted):
    today = datetime.now(UTC).date()
    params = {
        name: str(today - timedelta(days=value)) if isinstance(value, int) else value
        for name, value in wanted.items()
    }
    where = " and ".join(
        ["true"]
        + ["(c.reserved_at at time zone 'UTC')::date >= cast(:since as date)"] * ("since" in params)
        + ["(c.reserved_at at time zone 'UTC')::date <= cast(:until as date)"] * ("until" in params)
        + ["s.dag_id = :dag_id"] * ("dag_id" in params)
    )
    told = ask("costs", by=by, **params)
    assert {row["name"] for row in told["rows"]} == names(books, KEYS[by], where, **params)
    for row in told["rows"]:
        mine = f"{where} and {KEYS[by]} = :name"
        assert plain(row["totals"]) == totals(books, mine, name=row["name"], **params)
        (counts,) = books.sql(
            "select count(distinct s.id) sessions, count(distinct (s.dag_id, s.run_id)) runs "
            f"from bridle.model_call c join bridle.session s on s.id = c.session_id where {mine}",
            name=row["name"],
            **params,
        )
        assert (row["sessions"], row["runs"]) == (counts["sessions"], counts["runs"])
    assert plain(told["total"]) == totals(books, where, **params)
    sheet = admin.get("/bridle/api/costs.csv", params={"by": by, **params}).text
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert [(row[by], int(row["calls"]), row["cost_usd"]) for row in rows] == [
        (row["name"], row["totals"]["calls"], row["totals"]["cost_usd"] or "unknown") for row in told["rows"]
    ]


def test_costs_by_user_are_those_of_the_runs_that_each_has_triggered(ask, books):
    triggered = {
        (row["dag_id"], row["run_id"]): row["triggering_user_name"] or ""
        for row in books.airflow_sql("select dag_id, run_id, triggering_user_name from dag_run")
    }
    expected = {}
    for row in runs(books):
        spent = totals(books, "s.dag_id = :dag and s.run_id = :run", dag=row["dag_id"], run=row["run_id"])
        if not spent["calls"]:
            continue  # it has cost nothing: a session that was only watched
        user = triggered.get((row["dag_id"], row["run_id"]), "")
        found = expected.setdefault(user, {"runs": 0, "calls": 0, "known_usd": Decimal(0)})
        found["runs"] += 1
        found["calls"] += spent["calls"]
        found["known_usd"] += spent["known_usd"]
    told = {
        row["name"]: {
            "runs": row["runs"],
            "calls": row["totals"]["calls"],
            "known_usd": Decimal(row["totals"]["known_usd"]),
        }
        for row in ask("costs", by="user")["rows"]
    }
    assert told == expected
    assert set(told) == {"admin", ""}


def test_as_if_prices_each_call_by_itself_and_says_how_many_it_lacks_for_want_of_their_tokens(ask, books):
    calls = books.sql("select c.* from bridle.model_call c join bridle.session s on s.id = c.session_id")
    told = ask("costs/as-if", model="anthropic:claude-sonnet-4-5")
    unknown = [call for call in calls if call["input_tokens"] is None]
    assert (told["calls"], told["unpriced_calls"]) == (len(calls), len(unknown))
    assert unknown
    assert Decimal(told["as_if_usd"]) == as_if(books, "c.input_tokens is not null")
    assert set(told["models"]) == {f"{call['provider']}:{call['model']}" for call in calls}
    assert Decimal(told["known_usd"]) == sum(call["cost"] or 0 for call in calls)
    # a day of which everything is known, and one with a call so large that it has a price of its own
    old = {"until": str(datetime.now(UTC).date() - timedelta(days=20))}
    assert as_if(books, "s.run_id = 'forgotten'") == Decimal(
        ask("costs/as-if", model="anthropic:claude-sonnet-4-5", **old)["as_if_usd"]
    )
    move = (
        "update bridle.model_call set reserved_at = reserved_at - interval '{}' where input_tokens > 100000"
    )
    books.sql(move.format("60 days"))
    try:
        large = {"until": str(datetime.now(UTC).date() - timedelta(days=50))}
        for model in ("anthropic:claude-sonnet-4-5", "openai:gpt-5"):
            told = ask("costs/as-if", model=model, **large)
            assert told["calls"] == 1
            assert as_if(books, "c.input_tokens > 100000", model) == Decimal(told["as_if_usd"])
    finally:
        books.sql(move.format("-60 days"))


def as_if(books, where, model="anthropic:claude-sonnet-4-5"):
    calls = books.sql(
        f"select c.* from bridle.model_call c join bridle.session s on s.id = c.session_id where {where}"
    )
    usages = [Usage(**{name: call[name] for name in Usage.__dataclass_fields__}) for call in calls]
    return PriceList({}).as_if(model, usages)


@pytest.mark.parametrize("days", [1, 14, 100])
def test_the_overview_adds_up_the_same_rows(ask, books, days):
    view = ask("overview", days=days)
    today = datetime.now(UTC).date()
    first = today - timedelta(days=days - 1)
    since = "(c.reserved_at at time zone 'UTC')::date >= :first"
    for key in ("model", "role", "dag"):
        points = view["series"][key]
        for point in points:
            where = f"{KEYS['day']} = :day and {KEYS[key]} = :name"
            spent = totals(books, where, day=point["day"], name=point["name"])
            assert point["tokens"] == spent["tokens"]
            assert Decimal(point["known_usd"]) == spent["known_usd"]
            assert point["unknown_calls"] == spent["unknown_calls"]
        assert len(points) == len(names(books, f"({KEYS['day']} || ' ' || {KEYS[key]})", since, first=first))
    share = view["orchestration_share"]
    assert share["denominator"] == totals(books, since, first=first)["tokens"]
    mine = f"{since} and s.role = 'orchestrator'"
    assert share["numerator"] == totals(books, mine, first=first)["tokens"]
    (rounds,) = books.sql(
        "select count(distinct (dag_id, run_id, task_id, map_index)) steps, "
        "count(distinct (dag_id, run_id, task_id, map_index, generation, round)) rounds from bridle.session "
        "where (opened_at at time zone 'UTC')::date >= :first",
        first=first,
    )
    told = view["rounds_per_task"]
    assert (told["denominator"], told["numerator"]) == (rounds["steps"], rounds["rounds"])
    spent = view["spent_today"]
    assert plain(spent["totals"]) == totals(books, f"{KEYS['day']} = :day", day=str(today))
    (budget,) = books.sql("select * from bridle.budget where scope = :scope", scope=f"day:{today}")
    # some runs were moved to other days after they were counted
    assert (Decimal(spent["cap_usd"]), spent["counted_tokens"]) == (50, budget["spent_tokens"])


def test_the_overview_tells_apart_what_runs_waits_and_failed(ask):
    view = ask("overview", days=1)
    assert {run["run_id"] for run in view["running"]} == {"live", "hidden"}
    assert {run["run_id"] for run in view["failed"]} == {"failed"}
    assert {each["run_id"] for each in view["waiting"]} == {"fixed", "hidden"}
    assert (view["success_rate"]["numerator"], view["success_rate"]["denominator"]) == (1, 2)


def test_a_loops_rounds_come_to_what_their_sessions_came_to(ask, books):
    for name in ("loop-open", "loop-closed"):
        view = ask("loop", id=name)
        cumulated = Decimal(0)
        assert [each["round"] for each in view["rounds"]] == [1, 2]
        for each in view["rounds"]:
            of_round = "s.loop_id = :name and s.loop_round = :number"
            spent = totals(books, of_round, name=name, number=each["round"])
            assert plain(each["totals"]) == spent
            cumulated += spent["known_usd"]
            assert Decimal(each["cumulated_usd"]) == cumulated
            chief = totals(books, f"{of_round} and s.role = 'orchestrator'", name=name, number=each["round"])
            assert each["orchestration_tokens"] == chief["tokens"]
        statuses = [[worker["status"] for worker in each["workers"]] for each in view["rounds"]]
        assert statuses == [["merged", None], ["merged", "merged"]]
        assert view["start"][0]["failing"] == ["t1"]
        (listed,) = [loop for loop in ask("loops")["loops"] if loop["id"] == name]
        for told in (listed, view["loop"]):
            assert (told["rounds"], told["max_rounds"]) == (2, 3)
            assert plain(told["totals"]) == totals(books, "s.loop_id = :name", name=name)
        budget = view["budget"]
        (row,) = books.sql("select * from bridle.budget where scope = :scope", scope=f"loop:{name}")
        assert Decimal(budget["spent_usd"]) == row["spent_usd"]


def test_budgets_are_those_that_are_capped_or_stopped_each_once(ask, every_page, books):
    shown = every_page("budgets", "budgets")
    rows = books.sql(
        "select scope from bridle.budget_in_force where scope not like 'session:%' "
        "and (cap_usd is not null or cap_tokens is not null or stopped_by is not null)"
    )
    scopes = [budget["scope"] for budget in shown]
    assert sorted(scopes) == sorted(row["scope"] for row in rows)
    kinds = [scope.partition(":")[0] for scope in scopes]
    assert kinds == sorted(kinds, key=["all", "day", "loop", "run", "step"].index)


def test_a_burn_down_ends_at_what_its_budget_has_spent(ask, every_page, books):
    """Also with calls under way, which have spent nothing yet, and with unknown costs."""
    books.ledger.set_budget("all", cap_usd=Decimal(100), cap_tokens=None)
    scopes = [budget["scope"] for budget in every_page("budgets", "budgets")]
    scopes.append("run:open_dag/live")
    spent = 0
    for scope in scopes:
        if scope.startswith("day:2"):
            continue  # runs were moved to other days after they were counted
        told = ask("budgets/burn-down", scope=scope)
        (row,) = books.sql("select * from bridle.budget where scope = :scope", scope=scope)
        last = (told["points"] or [{"total_usd": "0", "total_tokens": 0}])[-1]
        assert (Decimal(last["total_usd"]), last["total_tokens"]) == (row["spent_usd"], row["spent_tokens"])
        spent += row["spent_tokens"] > 0
    assert spent > 8
    assert len(ask("budgets/burn-down", scope="all")["points"]) == 3


def test_the_burn_down_of_a_day_goes_by_the_hour(ask, books):
    today = f"day:{datetime.now(UTC):%Y-%m-%d}"
    points = ask("budgets/burn-down", scope=f"{today}/open_dag")["points"]
    rows = books.sql(
        "select date_trunc('hour', c.reserved_at at time zone 'UTC') as hour, "
        "sum(coalesce(c.cost, c.estimated_usd)) usd, "
        "sum(coalesce(c.input_tokens + c.output_tokens, c.estimated_tokens))::int tokens "
        "from bridle.model_call c join bridle.session s on s.id = c.session_id "
        "where s.dag_id = 'open_dag' and c.state <> 'reserved' and "
        "(c.reserved_at at time zone 'UTC')::date = (now() at time zone 'UTC')::date group by 1 order by 1"
    )
    assert [(Decimal(point["spent_usd"]), point["spent_tokens"]) for point in points] == [
        (row["usd"], row["tokens"]) for row in rows
    ]
