"""Every number on the dashboard's pages, added up once more by SQL of the tests' own."""

from typing import Any

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import (
    OF_RUN,
    key_of,
    rows,
    scalar,
    shows,
    shows_between,
    shows_seconds,
    spent,
    split_of,
)
from e2e_shown import SHOWN
from e2e_stage import Stage
from test_e2e_cancel import RUN_CLEARED
from test_e2e_goal import BOARD_BUILT
from test_e2e_kill import KILLED

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)

pytestmark = pytest.mark.timeout(900)

TITLES = {"repo": "repository", "dag": "DAG"}


@pytest.mark.parametrize("stage", [SHOWN, KILLED, RUN_CLEARED], indirect=True)
def test_the_figures_of_a_run_are_those_of_the_ledger(stage: Stage, dashboard: Dashboard) -> None:
    """With a failed call, cached tokens and a further round; killed and resumed; cleared as a whole."""
    key = key_of(stage.run)
    dashboard.open_run(stage.run, "figure-cost")
    exact = spent(stage.ledger_url, OF_RUN, **key)
    assert shows(dashboard.figure("cost"), exact["usd"])
    assert dashboard.made("cost") == f"{exact['calls']} model calls"
    assert exact["unknown"] == 0
    assert shows(dashboard.figure("tokens"), exact["tokens"])
    assert dashboard.tokens() == split_of(exact)
    ledger = stage.ledger_url
    sessions = scalar(ledger, f"select count(*) from session s where {OF_RUN}", **key)
    rounds = scalar(
        ledger, f"select count(distinct (task_id, map_index, round)) from session s where {OF_RUN}", **key
    )
    checks = rows(ledger, f"select exit_code from check_run s where {OF_RUN}", **key)
    assert int(dashboard.figure("sessions")) == sessions
    assert int(dashboard.figure("rounds")) == rounds
    assert int(dashboard.figure("checks")) == len(checks)
    passed = len([check for check in checks if check["exit_code"] == 0])
    assert dashboard.made("checks") == f"{passed} passed"
    (row,) = rows(
        ledger,
        f"""select extract(epoch from max(closed_at) - min(opened_at)) as seconds,
                   count(distinct (task_id, map_index)) as steps, count(resumed_from) as resumed
            from session s where {OF_RUN}""",
        **key,
    )
    assert shows_seconds(dashboard.figure("time"), float(row["seconds"]))
    resumed = f", {row['resumed']} resumed" if row["resumed"] else ""
    assert dashboard.made("sessions") == f"none at work{resumed}"
    assert dashboard.made("rounds") == f"{row['steps']} steps with sessions"


@pytest.mark.parametrize("stage", [SHOWN, KILLED], indirect=True)
def test_each_session_of_a_run_has_its_own_tokens_dollars_and_outcome(
    stage: Stage, dashboard: Dashboard
) -> None:
    dashboard.open_run(stage.run, "session-row")
    shown = dashboard.table("session-row")
    ledger = stage.ledger_url
    known = rows(
        ledger,
        f"select id, outcome, isolation, commit, checkpoint from session s where {OF_RUN}",
        **key_of(stage.run),
    )
    assert {str(row["id"]) for row in known} == set(shown)
    for row in known:
        cells, exact = shown[str(row["id"])], spent(ledger, "s.id = :id", id=row["id"])
        numbers = [
            int(cells[name].replace(",", "")) for name in ("input", "read", "write", "output", "calls")
        ]
        split = [count for name, count in split_of(exact).items() if name != "reasoning"]
        assert numbers == [*split, exact["calls"]]
        assert shows(cells["cost"], exact["usd"])
        assert row["outcome"] in cells["state"]
        assert row["isolation"] in cells["commit"]
        assert ((row["commit"] or row["checkpoint"] or "")[:10]) in cells["commit"]


STEP = "dag_id, run_id, task_id, map_index"
WRITTEN = f"(select {STEP} from effect union all select {STEP} from effect_past)"
"""Each run's own outside writes, also to what another run has written to since."""


@pytest.mark.parametrize("stage", [SHOWN, KILLED], indirect=True)
def test_the_waterfall_has_a_bar_for_everything_that_took_time(stage: Stage, dashboard: Dashboard) -> None:
    page = dashboard.open_run(stage.run)
    for kind, table in {
        "session": "session",
        "check": "check_run",
        "approval": "review",
        "effect": WRITTEN,
    }.items():
        wanted = scalar(
            stage.ledger_url, f"select count(*) from {table} s where {OF_RUN}", **key_of(stage.run)
        )
        assert page.locator(f"[data-testid=bar][data-kind={kind}]").count() == wanted, kind
    steps = scalar(
        stage.ledger_url,
        f"""select count(distinct (task_id, map_index)) from (
              select {STEP} from session union select {STEP} from check_run union
              select {STEP} from review union select * from {WRITTEN} w) s where {OF_RUN}""",
        **key_of(stage.run),
    )
    assert dashboard.get("waterfall-row").count() == steps


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_decisions_say_who_chose_what_from_which_options_and_what_followed(
    stage: Stage, dashboard: Dashboard
) -> None:
    dashboard.open_run(stage.run, "decision")
    known = rows(
        stage.ledger_url,
        f"select what, choice, options, by, at from decision s where {OF_RUN} order by at, id",
        **key_of(stage.run),
    )
    shown = dashboard.get("decision").all()
    assert len(shown) == len(known)
    for item, row in zip(shown, known, strict=True):
        assert row["what"] in item.inner_text()
        assert row["choice"] in item.locator("[data-chosen=true]").inner_text()
        assert item.locator("[data-chosen=false]").count() == len(set(row["options"]) - {row["choice"]})
        assert row["by"].replace(":", " ") in item.get_by_test_id("decided-by").inner_text()
    followed = sum(item.locator("a").count() for item in shown)
    after = scalar(
        stage.ledger_url,
        f"select count(*) from session s where {OF_RUN} and opened_at >= :first",
        **key_of(stage.run),
        first=known[0]["at"],
    )
    assert followed == after


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_changes_are_shown_for_each_session_and_in_all(stage: Stage, dashboard: Dashboard) -> None:
    """Two rounds changed the same line; in all it was changed once."""
    dashboard.open_run(stage.run, "diff-whole")
    whole = dashboard.get("diff-whole")
    assert whole.locator("[data-testid=file]").count() == 1
    text = whole.get_by_test_id("diff").inner_text()
    assert "-    return a - b" in text
    assert "+    return a + b" in text
    changed = scalar(
        stage.ledger_url,
        f"select count(*) from session s where {OF_RUN} and diff_ref is not null",
        **key_of(stage.run),
    )
    assert dashboard.get("diff-session").count() == changed == 2


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_the_figures_of_a_session_are_those_of_the_ledger(stage: Stage, dashboard: Dashboard) -> None:
    """The investigating one, whose first call failed, and both implementing ones."""
    ledger = stage.ledger_url
    for session in [*stage.run.sessions("investigate"), *stage.run.sessions("fix.implement_1")]:
        page = dashboard.open("session", "call-row", id=session.id)
        page.locator("[data-state=ended]").wait_for()
        exact = spent(ledger, "s.id = :id", id=session.id)
        assert shows(dashboard.figure("cost"), exact["usd"])
        assert shows(dashboard.figure("tokens"), exact["tokens"])
        assert int(dashboard.figure("calls")) == exact["calls"] == dashboard.get("call-row").count()
        assert dashboard.made("calls") == f"{exact['failed']} went wrong"
        assert dashboard.tokens() == split_of(exact)
        events = scalar(ledger, "select count(*) from event where session_id = :id", id=session.id)
        assert f", {events} events" in dashboard.get("stream-state").inner_text()
        checks = scalar(ledger, "select count(*) from check_run where session_id = :id", id=session.id)
        assert dashboard.get("check").count() == checks
    assert spent(ledger, OF_RUN, **key_of(stage.run))["failed"] == 1


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_the_overview_adds_up_what_all_sessions_came_to(stage: Stage, dashboard: Dashboard) -> None:
    """Other runs go on meanwhile: what the page says lies between what was before and what was after."""
    ledger = stage.ledger_url
    today = "c.reserved_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'"
    before = (spent(ledger, today), spent(ledger), spent(ledger, "s.role = 'orchestrator'"), _steps(ledger))
    dashboard.open("overview", "figure-today")
    told = [dashboard.figure("today"), *map(dashboard.made, ("today", "orchestration", "rounds"))]
    running = int(dashboard.figure("running"))
    after = (spent(ledger, today), spent(ledger), spent(ledger, "s.role = 'orchestrator'"), _steps(ledger))
    assert shows_between(told[0], before[0]["usd"], after[0]["usd"])
    assert shows_between(told[1], before[0]["tokens"], after[0]["tokens"])
    orchestration, _, everything = told[2].partition(" of ")
    assert shows_between(orchestration, before[2]["tokens"], after[2]["tokens"])
    assert shows_between(everything, before[1]["tokens"], after[1]["tokens"])
    rounds, _, tasks = told[3].partition(", ")
    assert shows_between(rounds, before[3]["rounds"], after[3]["rounds"])
    assert shows_between(tasks, before[3]["tasks"], after[3]["tasks"])
    assert running >= int(stage.airflow.run("issue_fix", stage.run.run_id).state == "running")


def _steps(ledger_url: str) -> Any:
    return rows(
        ledger_url,
        """select count(distinct (dag_id, run_id, task_id, map_index, generation, round)) as rounds,
                  count(distinct (dag_id, run_id, task_id, map_index)) as tasks from session""",
    )[0]


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_costs_by_anything_are_those_of_the_ledger(stage: Stage, dashboard: Dashboard) -> None:
    ledger = stage.ledger_url
    page = dashboard.open("costs", "cost-row")
    columns = {"repo": "s.repo", "role": "s.role", "agent": "s.agent", "dag": "s.dag_id"}
    for by, column in columns.items():
        before = spent(ledger)
        names = rows(
            ledger,
            f"select distinct {column} as name from session s join model_call c on c.session_id = s.id",
        )
        dashboard.get(f"by-{by}").click()
        page.get_by_role("heading", name=f"By {TITLES.get(by, by)}", exact=True).wait_for()
        shown = dashboard.table("cost-row")
        after = spent(ledger)
        assert {row["name"] for row in names if row["name"]} <= set(shown)
        assert shows_between(shown[" total"]["tokens"], before["tokens"], after["tokens"])
        assert shows_between(shown[" total"]["cost"], before["usd"], after["usd"])
        if by == "repo":
            exact = spent(ledger, "s.repo = :repo", repo="shown")
            mine = {
                name: int(text.replace(",", ""))
                for name, text in shown["shown"].items()
                if text.replace(",", "").isdigit()
            }
            assert mine == {
                "tokens": exact["tokens"],
                "input": exact["input"],
                "read": exact["cache_read"],
                "write": exact["cache_write"],
                "output": exact["output"],
                "reasoning": exact["reasoning"],
                "calls": exact["calls"],
                "sessions": exact["sessions"],
                "runs": exact["runs"],
            }
            assert shows(shown["shown"]["cost"], exact["usd"])


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
def test_a_loop_shows_its_rounds_side_by_side_with_what_each_cost(stage: Stage, dashboard: Dashboard) -> None:
    loop_id, ledger = stage.runs[0].run_id, stage.ledger_url
    page = dashboard.open("loops", "loop-row")
    row = page.locator(f"[data-testid=loop-row][data-key='{loop_id}']")
    of_loop = spent(ledger, "s.loop_id = :loop", loop=loop_id)
    cells = dashboard.table("loop-row")[loop_id]
    assert shows(cells["tokens"], of_loop["tokens"])
    assert shows(cells["cost"], of_loop["usd"])
    assert cells["rounds"].startswith("2")
    row.locator("a").first.click()
    dashboard.get("round").nth(1).wait_for()
    assert shows(dashboard.figure("cost"), of_loop["usd"])
    assert shows(dashboard.figure("tokens"), of_loop["tokens"])
    assert dashboard.figure("rounds") == "2"
    assert (dashboard.figure("workers"), dashboard.made("workers")) == ("6", "6 merged")
    cumulated = orchestration = 0
    boxes = [card.bounding_box() for card in dashboard.get("round").all()]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] < boxes[1]["x"]
    for number, card in enumerate(dashboard.get("round").all()):
        where, run_id = f"{OF_RUN} and s.loop_id = :loop", stage.runs[number].run_id
        exact = spent(ledger, where, dag="goal_loop", run=run_id, loop=loop_id)
        led = spent(ledger, f"{where} and s.role = 'orchestrator'", dag="goal_loop", run=run_id, loop=loop_id)
        cumulated, orchestration = cumulated + exact["usd"], orchestration + led["tokens"]
        assert shows(card.get_by_test_id("round-cost").inner_text(), exact["usd"])
        assert shows(card.get_by_test_id("round-tokens").inner_text(), exact["tokens"])
        assert card.get_by_test_id("round-orchestration").inner_text() == f"{led['tokens']:,}"
        assert shows(card.get_by_test_id("round-cumulated").inner_text(), cumulated)
        assert card.get_by_test_id("worker").count() == 3
        assert card.get_by_test_id("criterion").get_attribute("data-passed") == str(number == 1).lower()
    assert dashboard.made("orchestration") == f"{orchestration:,} tokens of the orchestrator"
    assert "approve: Keep it plain." in dashboard.get("human").first.inner_text()
    assert dashboard.get("stop-loop").count() == 0, "it is done"
    dashboard.get("worker").first.locator("summary").click()
    dashboard.get("worker").first.get_by_role("link", name="its session").click()
    dashboard.get("session-title").wait_for()
