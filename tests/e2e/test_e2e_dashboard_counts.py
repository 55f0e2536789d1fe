"""What the dashboard counts besides tokens and money, counted once more by SQL of the tests' own."""

from decimal import Decimal

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import at_rest, of_airflow, rows, shows, shows_seconds
from e2e_shown import SHOWN
from e2e_stage import Stage
from test_e2e_cancel import SPEC_FAILED
from test_e2e_kill import KILLED

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)

pytestmark = pytest.mark.timeout(900)

TURNS_AND_TIME = """
    select case when outcome = 'lost'
                then (select max((payload->>'turn')::int) from event where session_id = s.id)
                else turns end as turns,
           limits->>'turns' as turns_cap, limits->>'minutes' as minutes_cap,
           extract(epoch from closed_at - opened_at) as seconds
    from session s where id = :id"""

GRADED = """
    with tool as (
             select kind, payload, lag(payload) over (partition by kind order by seq) as before
             from event where session_id = :id and kind in ('tool_call', 'tool_result')),
         used as (
             select id, input_tokens as sent, output_tokens as said
             from model_call where session_id = :id and input_tokens > 0)
    select count(*) filter (where kind = 'tool_call' and payload->>'tool' = before->>'tool'
                            and payload->'input' = before->'input') as repeated,
           count(*) filter (where kind = 'tool_call') as called,
           count(*) filter (where kind = 'tool_result' and payload->>'ok' = 'true') as worked,
           count(*) filter (where kind = 'tool_result' and payload->>'ok' in ('true', 'false')) as told,
           (select sum(sent + said) from used) as tokens, (select sum(sent) from used) as sent,
           (select sent from used order by id limit 1) as first, (select max(sent) from used) as largest
    from tool"""


@pytest.mark.parametrize("stage", [SHOWN, KILLED], indirect=True)
def test_turns_time_and_graders_of_each_session_are_those_of_the_ledger(
    stage: Stage, dashboard: Dashboard
) -> None:
    """Of every agent; one does the same twice in a row and fails at something, another was killed."""
    repeated = went_wrong = 0
    for session in stage.run.sessions():
        dashboard.open("session", "grader-loops", id=session.id)
        (told,) = rows(stage.ledger_url, TURNS_AND_TIME, id=session.id)
        assert told["turns"] > 0
        assert dashboard.figure("turns") == str(told["turns"])
        turns, minutes = told["turns_cap"], told["minutes_cap"]
        assert dashboard.made("turns") == (f"of at most {turns}" if turns else "no limit in turns")
        assert shows_seconds(dashboard.figure("time"), float(told["seconds"]))
        assert dashboard.made("time") == (
            f"of at most {float(minutes):g} min" if minutes else "no limit in time"
        )
        (graded,) = rows(stage.ledger_url, GRADED, id=session.id)
        repeated += graded["repeated"]
        went_wrong += graded["told"] - graded["worked"]
        for name, part, whole, word in (
            ("loops", "repeated", "called", "of"),
            ("tool_success_rate", "worked", "told", "of"),
            ("context_growth", "tokens", "first", "to"),
            ("working_set_rebuild_factor", "sent", "largest", "to"),
        ):
            figure, share = dashboard.get(f"grader-{name}"), graded[part]
            made = figure.locator("[data-part=made]").inner_text()
            assert made.startswith(f"{share:,} {word} {graded[whole]:,}: "), name
            value = figure.locator("[data-part=value]").inner_text()
            if not graded[whole]:
                assert value == "\u2013", name
            else:
                exact = Decimal(int(share)) / int(graded[whole])
                assert shows(value, 100 * exact if word == "of" else exact), name
    if stage.scenario is SHOWN:
        assert (repeated, went_wrong) == (1, 1)


WAITING = """
    select count(*) as many, extract(epoch from now() - min(h.created_at)) as age
    from public.hitl_detail h join public.task_instance t on t.id = h.ti_id
    where h.responded_at is null and t.state in ('awaiting_input', 'deferred')"""
ENDED = """
    select dag_id, run_id, state, end_date > now() - interval '1 day' as today
    from public.dag_run where end_date is not null"""
KNOWN = "select dag_id, run_id from session union select dag_id, run_id from failure"


@pytest.mark.parametrize("stage", [SPEC_FAILED, KILLED], indirect=True)
def test_the_overview_counts_what_waits_failed_and_succeeded_as_airflow_and_the_ledger_have_it(
    stage: Stage, dashboard: Dashboard
) -> None:
    """Runs that the ledger knows nothing of, such as the sweeper's, count for neither."""
    ledger = stage.ledger_url

    def exact() -> tuple[int, int, int, int]:
        known = {tuple(row.values()) for row in rows(ledger, KNOWN)}
        ended = [row for row in of_airflow(ledger, ENDED) if (row["dag_id"], row["run_id"]) in known]
        failed = [row for row in ended if row["state"] == "failed"]
        succeeded = [row for row in ended if row["state"] == "success"]
        waiting = of_airflow(ledger, WAITING)[0]["many"]
        return waiting, len([row for row in failed if row["today"]]), len(succeeded), len(failed)

    def shown() -> dict[str, str]:
        dashboard.open("overview", "figure-success")
        names = ("waiting", "failed", "success")
        listed = dashboard.get("failed").locator("[data-testid=run-row]").count()
        return {
            "listed": str(listed),
            **{name: dashboard.figure(name) for name in names},
            **{f"{name}_made": dashboard.made(name) for name in names},
        }

    (waiting, failed, succeeded, failed_ever), told = at_rest(exact, shown)
    assert told["waiting"] == str(waiting)
    assert waiting > 0 or told["waiting_made"] == "nobody has to answer"
    assert told["failed"] == told["listed"] == str(failed)
    assert told["success_made"] == f"{succeeded} of {succeeded + failed_ever} in 14 days"
    assert (failed if stage.scenario is SPEC_FAILED else succeeded) > 0
    assert shows(told["success"], Decimal(100 * succeeded) / (succeeded + failed_ever))
