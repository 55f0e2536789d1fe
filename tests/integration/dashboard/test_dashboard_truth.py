"""Every number about runs and sessions is the one that plain SQL finds in the rows."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from dash_truth import moment, names, plain, runs, totals

from bridle.ledger.ids import new_id


def test_runs_say_what_their_sessions_and_calls_say(ask, every_page, books):
    shown = every_page("runs", "runs", limit=3)
    expected = runs(books)
    assert [(run["dag_id"], run["run_id"]) for run in shown] == [
        (row["dag_id"], row["run_id"]) for row in expected
    ]
    airflows = {
        (row["dag_id"], row["run_id"]): row
        for row in books.airflow_sql("select dag_id, run_id, state, triggering_user_name from dag_run")
    }
    for run, row in zip(shown, expected, strict=True):
        for name in ("sessions", "open_sessions", "repo", "loop_id", "round"):
            assert run[name] == row[name], (run["run_id"], name)
        assert (moment(run["opened_at"]), moment(run["last_at"])) == (row["opened_at"], row["last_at"])
        of_run = "s.dag_id = :dag and s.run_id = :run"
        assert plain(run["totals"]) == totals(books, of_run, dag=run["dag_id"], run=run["run_id"])
        known = airflows.get((run["dag_id"], run["run_id"]), {})
        assert (run["state"], run["user"]) == (known.get("state"), known.get("triggering_user_name"))
    (fixed,) = [run for run in shown if run["run_id"] == "fixed"]
    pulls = {run["run_id"]: run["pull_request"] for run in shown if run["pull_request"]}
    address = "https://forge.test/demo/pull/1"
    assert pulls == {"fixed": f"{address}#v1", "forgotten": f"{address}#v2"}, "each has what it wrote itself"
    assert fixed["totals"]["unknown_calls"] == 3
    assert fixed["totals"]["cost_usd"] is None
    assert fixed["summary"].startswith("It is done")
    reasons = {run["run_id"]: run["reason"] for run in shown if run["reason"]}
    assert reasons == {"failed": "SessionFailed: its budget is spent"}, (
        "a run that did not fail has no reason to"
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"dag_id": "closed_dag"}, {"hidden", "loop-closed-r1", "loop-closed-r2"}),
        ({"repo": "other"}, {"forgotten"}),
        ({"loop_id": "loop-open"}, {"loop-open-r1", "loop-open-r2"}),
        ({"state": "failed"}, {"failed"}),
        ({"state": "queued", "dag_id": "open_dag"}, {"live"}),
        ({"q": "forgot"}, {"forgotten"}),
        ({"q": "REFUSED"}, {"fixed"}),
        ({"q": "it refused"}, {"fixed"}),
        ({"q": "it refused limit"}, set()),
        ({"q": "sessionfailed: its budget"}, {"failed"}),
        ({"q": "100%_"}, set()),
        ({"until": str(date.today() - timedelta(days=20))}, {"forgotten"}),
        ({"since": str(date.today() - timedelta(days=20)), "repo": "other"}, set()),
    ],
)
def test_runs_are_found_by_what_they_are(ask, every_page, wanted, expected):
    assert {run["run_id"] for run in every_page("runs", "runs", limit=2, **wanted)} == expected


def test_a_run_shows_each_of_its_rows_once_and_what_each_session_came_to(ask, books):
    view = ask("run", dag_id="open_dag", run_id="fixed")
    kinds = Counter(span["kind"] for span in view["spans"])
    for kind, table in {
        "session": "session",
        "check": "check_run",
        "approval": "review",
        "effect": "effect_past",  # another run has written to its object since
    }.items():
        (row,) = books.sql(f"select count(*) from bridle.{table} where run_id = 'fixed'")
        assert kinds[kind] == row["count"] > 0, kind
    for span in view["spans"]:
        if span["kind"] != "session":
            continue
        assert plain(span["totals"]) == totals(books, "s.id = :id", id=span["id"])
        (row,) = books.sql("select * from bridle.session where id = :id", id=span["id"])
        assert (span["round"], span["try_number"], span["generation"], span["map_index"]) == (
            row["round"],
            row["try_number"],
            row["generation"],
            row["map_index"],
        )
        answered = names(
            books, "c.answered_model", "s.id = :id and answered_model is not null", id=span["id"]
        )
        assert set(span["answered_models"]) == answered
        assert (moment(span["start"]), moment(span["end"])) == (row["opened_at"], row["closed_at"])
    assert plain(view["run"]["totals"])["calls"] == sum(
        span["totals"]["calls"] for span in view["spans"] if span["kind"] == "session"
    )
    resumed = [span for span in view["spans"] if span["resumed_from"]]
    assert "lost: its process vanished. Reused: the files of its checkpoint cccccccccc" in resumed[0]["why"]


def test_each_run_shows_what_it_wrote_to_one_pull_request_and_when(ask, books):
    for run, table in {"fixed": "effect_past", "forgotten": "effect"}.items():
        (row,) = books.sql(f"select * from bridle.{table} where run_id = :run", run=run)
        (span,) = [
            span for span in ask("run", dag_id="open_dag", run_id=run)["spans"] if span["kind"] == "effect"
        ]
        assert (span["id"], span["url"], span["state"]) == ("pr:demo#1", row["receipt"]["url"], "done")
        assert (moment(span["start"]), moment(span["end"])) == (row["intended_at"], row["done_at"])


def test_a_run_of_many_sessions_shows_the_newest_with_their_checks_and_says_how_many_there_are(ask, books):
    oldest = books.open("many", "implement", dag="gone_dag")
    books.check(oldest, True)
    ids = [new_id() for _ in range(499)]
    copied = (
        "insert into bridle.session select (jsonb_populate_record(s, jsonb_build_object('id', copy))).* "
        "from bridle.session s, unnest(cast(:ids as uuid[])) copy where s.id = :id"
    )
    books.sql(copied, ids=ids, id=oldest.id)
    for named in (ids[-1], None):
        books.check(replace(oldest, id=named), False)
    try:
        checks, sessions = _shown_of_many(ask)
        assert (len(checks), sessions) == (3, {str(oldest.id), *map(str, ids)}), "500 are not too many"
        newest = new_id()
        books.sql(copied, ids=[newest], id=oldest.id)
        checks, sessions = _shown_of_many(ask)
        assert sessions == {*map(str, ids), str(newest)}
        assert [span["state"] for span in checks] == ["failed", "failed"], "but for that of the hidden one"
        assert ask("run", dag_id="gone_dag", run_id="many")["run"]["sessions"] == 501
    finally:
        for table in ("session", "check_run", "run"):
            books.sql(f"delete from bridle.{table} where run_id = 'many'")


def _shown_of_many(ask):
    spans = ask("run", dag_id="gone_dag", run_id="many")["spans"]
    sessions = {span["id"] for span in spans if span["kind"] == "session"}
    return [span for span in spans if span["kind"] == "check"], sessions


def test_a_runs_decisions_dispatched_the_sessions_that_began_before_the_next_one(ask, books):
    decisions = ask("run", dag_id="open_dag", run_id="fixed")["decisions"]
    rows = books.sql("select * from bridle.decision where run_id = 'fixed' order by at")
    assert [(each["what"], each["by"], each["confidence"]) for each in decisions] == [
        (row["what"], row["by"], row["confidence"]) for row in rows
    ]
    ends = [row["at"] for row in rows[1:]] + [datetime.now(UTC)]
    for each, row, end in zip(decisions, rows, ends, strict=True):
        followed = books.sql(
            "select id from bridle.session where run_id = 'fixed' and opened_at >= :a and opened_at < :b "
            "order by opened_at",
            a=row["at"],
            b=end,
        )
        assert [session["id"] for session in each["dispatched"]] == [str(row["id"]) for row in followed]


def test_a_run_shows_the_budgets_that_are_capped_or_stopped(ask, books):
    view = ask("run", dag_id="open_dag", run_id="fixed")
    rows = books.sql(
        "select * from bridle.budget where scope similar to '(run:open_dag/fixed|step:open_dag/fixed/%)' "
        "and (cap_usd is not null or cap_tokens is not null or stopped_by is not null)"
    )
    assert {budget["scope"] for budget in view["budgets"]} == {row["scope"] for row in rows}
    for budget in view["budgets"]:
        (row,) = [row for row in rows if row["scope"] == budget["scope"]]
        for name in ("spent_usd", "reserved_usd"):
            assert Decimal(budget[name]) == row[name]
        assert (budget["spent_tokens"], budget["calls"]) == (row["spent_tokens"], row["calls"])


def test_what_a_run_waits_with_is_its_open_question(ask, books):
    (approval,) = ask("run", dag_id="open_dag", run_id="fixed")["waiting"]
    (row,) = books.sql("select id from bridle.review where run_id = 'fixed' and decision is null")
    assert (approval["review_id"], approval["commit"]) == (str(row["id"]), "b" * 40)
    assert approval["may_answer"]
    assert {each["run_id"] for each in ask("approvals")["approvals"]} == {"fixed", "hidden"}


def test_a_diff_counts_the_lines_of_a_patch_as_git_does(ask):
    diffs = ask("run/diff", dag_id="open_dag", run_id="fixed")
    assert len(diffs["sessions"]) == 2
    for diff in (diffs["whole"], *diffs["sessions"]):
        assert [(file["path"], file["added"], file["removed"]) for file in diff["files"]] == [
            ("src/a.py", 2, 1),
            ("gone.txt", 0, 1),
        ]
        assert not diff["truncated"]


def sessions_of(books, run="fixed"):
    return books.sql("select * from bridle.session where run_id = :run order by id", run=run)


def test_a_session_shows_its_calls_its_checks_and_nobody_elses(ask, books):
    for row in sessions_of(books):
        view = ask("session", id=str(row["id"]))
        assert plain(view["totals"]) == totals(books, "s.id = :id", id=row["id"])
        calls = books.sql("select * from bridle.model_call where session_id = :id order by id", id=row["id"])
        assert len(view["calls"]) == len(calls)
        for told, call in zip(view["calls"], calls, strict=True):
            assert told["asked"] == f"{call['provider']}:{call['model']}"
            assert told["answered"] == call["answered_model"]
            assert (told["cost_usd"] and Decimal(told["cost_usd"])) == (
                call["cost"] or (told["cost_usd"] and 0)
            )
            for name in ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens"):
                assert told[name] == call[name]
        checks = books.sql("select id from bridle.check_run where session_id = :id order by id", id=row["id"])
        assert [check["id"] for check in view["checks"]] == [str(check["id"]) for check in checks]
        step = [
            each
            for each in sessions_of(books)
            if (each["task_id"], each["map_index"]) == (row["task_id"], row["map_index"])
        ]
        assert [span["id"] for span in view["siblings"]] == [str(each["id"]) for each in step]
        found = ask(
            "sessions", dag_id="open_dag", run_id="fixed", task_id=row["task_id"], map_index=row["map_index"]
        )
        assert [each["id"] for each in found] == [str(each["id"]) for each in step]


def test_a_run_that_has_done_nothing_yet_is_empty_and_no_error(ask):
    view = ask("run", dag_id="open_dag", run_id="has-just-begun")
    assert view["run"] is None
    assert [view[name] for name in ("spans", "decisions", "budgets", "waiting")] == [[], [], [], []]
    assert ask("run/diff", dag_id="open_dag", run_id="has-just-begun") == {"whole": None, "sessions": []}
    assert ask("sessions", dag_id="open_dag", run_id="has-just-begun", task_id="implement") == []


def test_graders_count_a_sessions_events_and_calls(ask, books):
    for row in sessions_of(books):
        events = books.sql("select * from bridle.event where session_id = :id order by seq", id=row["id"])
        calls = [event["payload"] for event in events if event["kind"] == "tool_call"]
        results = [event["payload"] for event in events if event["kind"] == "tool_result"]
        inputs = [json.dumps([call["tool"], call["input"]], sort_keys=True) for call in calls]
        used = books.sql(
            "select input_tokens, output_tokens from bridle.model_call"
            " where session_id = :id and input_tokens > 0 order by id",
            id=row["id"],
        )
        sent = [call["input_tokens"] for call in used]
        expected = {
            "loops": (sum(map(str.__eq__, inputs, inputs[1:])), len(inputs)),
            "context_growth": (sum(sent) + sum(call["output_tokens"] for call in used), sum(sent[:1])),
            "working_set_rebuild_factor": (sum(sent), max(sent, default=0)),
            "tool_success_rate": (sum(result["ok"] for result in results), len(results)),
        }
        graders = ask("session", id=str(row["id"]))["graders"]
        assert {each["name"]: (each["numerator"], each["denominator"]) for each in graders} == expected
        for each in graders:
            assert each["value"] == (each["numerator"] / each["denominator"] if each["denominator"] else None)


def test_events_come_in_order_each_once(ask, books):
    row = sessions_of(books)[1]
    seen, after = [], 0
    while True:
        page = ask("session/events", id=str(row["id"]), after=after, limit=5)
        seen += page["events"]
        if page["closed"]:
            break
        after = seen[-1]["seq"]
    events = books.sql("select seq, kind from bridle.event where session_id = :id order by seq", id=row["id"])
    assert [(event["seq"], event["kind"]) for event in seen] == [
        (event["seq"], event["kind"]) for event in events
    ]
