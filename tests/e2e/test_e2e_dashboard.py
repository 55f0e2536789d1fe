"""What people do on the dashboard's pages, in a real browser, on real runs."""

import time
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_figures import OF_RUN, key_of, rows, scalar, shows, spent
from e2e_processes import eventually, seconds_until_gone
from e2e_run import SECONDS
from e2e_shown import FEEDBACK, LONG, SHOWN, STEERED, THOUGHTS
from e2e_stage import Stage
from e2e_world import World
from test_e2e_cancel import RUN_DELETED
from test_e2e_goal import BOARD_BUILT
from test_e2e_kill import KILLED

from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, SessionStart, StepKey
from bridle.ledger.store import Ledger
from patience import quickest

if TYPE_CHECKING:
    from playwright.sync_api import Page

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)

pytestmark = pytest.mark.timeout(900)


def implementing(stage: Stage) -> list[str]:
    return [str(session.id) for session in stage.run.sessions("fix.implement_1")]


def hide(page: "Page", hidden: bool) -> None:
    """Tell a page what a browser tells it whose tab is put behind another one."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def open_session(ledger: Ledger) -> UUID:
    """A session that nobody works in."""
    attempt = Attempt(StepKey("issue_fix", f"live-{new_id()}", "implement"), str(new_id()), 1, 0)
    start = SessionStart(
        attempt,
        ledger.take_step(attempt),
        round=1,
        role="implementer",
        agent="api",
        model="small",
        provider="anthropic",
        dialect="anthropic-messages",
        repo="live",
        base_commit="a" * 40,
        isolation="none",
        prompt="Look on.",
        prompt_digest="d",
        limits={"turns": 3},
    )
    return ledger.open_session(start, ttl_seconds=600)


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_the_waterfall_is_walked_by_keys_and_says_why_a_session_was_resumed(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open_run(stage.run)
    first = page.locator("[data-bar]").first
    first.focus()
    assert page.locator("[data-bar][tabindex='0']").count() == 1
    resumed = f"session {implementing(stage)[1]}"
    for _ in range(page.locator("[data-bar]").count()):
        if page.evaluate("document.activeElement.dataset.bar") == resumed:
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    details = dashboard.get("span-details")
    lost = stage.run.sessions("fix.implement_1")[0]
    assert lost.checkpoint is not None
    told = details.inner_text()
    assert f"the files of its checkpoint {lost.checkpoint[:10]} and its transcript" in told
    assert "ended as lost" in told
    page.keyboard.press("Escape")
    details.wait_for(state="detached")
    assert dashboard.get("waterfall").is_visible()


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_a_transcript_folds_tool_calls_and_shows_untrusted_text_as_text(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open("session", "event", id=implementing(stage)[0])
    page.locator("[data-state=ended]").wait_for()
    tool = dashboard.get("tool").first
    assert not tool.get_by_test_id("tool-result").is_visible()
    tool.locator("summary").first.focus()
    page.keyboard.press("Enter")
    tool.get_by_test_id("tool-result").wait_for()
    assert "def add(a, b)" in tool.get_by_test_id("tool-result").inner_text()
    assert "<script>window.owned = 2</script>" in dashboard.get("transcript").inner_text()
    assert page.evaluate("window.owned") is None
    assert dashboard.get("transcript").locator("img, script").count() == 0
    assert dashboard.get("transcript").get_by_text("bold", exact=True).count() == 0
    everything = dashboard.get("event").count()
    dashboard.get("only-tools").click()
    kinds = {each.get_attribute("data-kind") for each in dashboard.get("event").all()}
    assert kinds == {"tool_call"}
    assert 0 < dashboard.get("event").count() < everything
    dashboard.get("prompt").locator("summary").click()
    assert "calc" in dashboard.get("prompt-text").inner_text()


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_what_a_model_thought_is_on_its_sessions_page_before_what_it_did(
    stage: Stage, dashboard: Dashboard
) -> None:
    """Of each agent, as the ledger has it; long thoughts are folded until they are asked for."""
    agents = set()
    for task, thought in THOUGHTS.items():
        session = stage.run.sessions(task)[0]
        agents.add(session.agent)
        (event,) = [each for each in stage.ledger.events(session.id) if each.kind == "reasoning"]
        assert event.payload == {"text": thought, "turn": 1}
        page = dashboard.open("session", "event", id=session.id)
        page.locator("[data-state=ended]").wait_for()
        shown = page.locator("[data-testid=event][data-kind=reasoning]")
        text = shown.get_by_text(thought, exact=True)
        assert text.is_visible() == (len(thought) < 600)
        if not text.is_visible():
            shown.locator("summary").click()
        text.wait_for()
        order = [each.get_attribute("data-kind") for each in dashboard.get("event").all()]
        assert order.index("reasoning") < min(
            order.index(kind) for kind in ("text", "tool_call") if kind in order
        )
        assert page.evaluate("window.owned") is None
    assert agents == {"api", "claude-code", "codex"}


def test_an_event_is_on_the_screen_within_a_second_and_the_end_is_seen(
    world: World, dashboard: Dashboard
) -> None:
    """Measured from before it is written down; a busy machine may now and then take longer."""
    with Ledger(world.info.ledger_url) as ledger:
        session_id = open_session(ledger)
        page = dashboard.open("session", "stream-state", id=session_id)
        page.locator("[data-state=live]").wait_for()
        numbers = count()

        def event_to_screen() -> float:
            words = f"number {next(numbers)} is here"
            began = time.monotonic()
            payload = {"text": words}
            ledger.record(session_id, [SimpleNamespace(kind="text", at=datetime.now(UTC), payload=payload)])
            page.get_by_text(words).wait_for()
            return time.monotonic() - began

        assert quickest(event_to_screen, enough=1.0, tries=20) <= 1.0
        # a window that nobody sees lets go of its connection, and takes it up again behind the last event
        hide(page, True)
        page.locator("[data-state=paused]").wait_for()
        payload = {"text": "meanwhile"}
        ledger.record(session_id, [SimpleNamespace(kind="text", at=datetime.now(UTC), payload=payload)])
        hide(page, False)
        page.get_by_text("meanwhile").wait_for()
        assert page.get_by_text("number 0 is here").count() == 1
        ledger.close_session(session_id, outcome="done", summary="Seen.")
        page.locator("[data-state=ended]").wait_for()
        eventually("its state is done", lambda: "done" in dashboard.get("session-state").inner_text(), 120)


@pytest.mark.parametrize("stage", [KILLED], indirect=True)
def test_the_tabs_on_airflows_pages_show_the_run_and_the_sessions_of_the_task(
    stage: Stage, dashboard: Dashboard
) -> None:
    key = key_of(stage.run)
    dashboard.open_run_tab(key["dag"], key["run"], "waterfall")
    exact = spent(stage.ledger_url, OF_RUN, **key)
    assert shows(dashboard.figure("cost"), exact["usd"])
    page = dashboard.open_session_tab(key["dag"], key["run"], "fix.implement_1", "session-title")
    assert page.get_by_role("group", name="sessions of this step").get_by_role("button").count() == 2
    assert "done" in dashboard.get("session-state").inner_text()
    page.get_by_role("button", name="Session 1, round 1").click()
    page.get_by_test_id("session-state").get_by_text("lost").wait_for()
    exact = spent(stage.ledger_url, "s.id = :id", id=implementing(stage)[0])
    assert int(dashboard.figure("calls")) == exact["calls"]
    dashboard.get("its-run").click()
    dashboard.get("run-title").wait_for()


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_runs_are_filtered_and_searched_and_opened_by_keys(stage: Stage, dashboard: Dashboard) -> None:
    page = dashboard.open("runs", "run-row")
    page.get_by_label("repository").select_option("shown")
    mine = f"issue_fix/{stage.run.run_id}"
    only = page.locator("[data-testid=run-row]")
    eventually("one run is left", lambda: list(dashboard.table("run-row")) == [mine], 120)
    cells = dashboard.table("run-row")[mine]
    exact = spent(stage.ledger_url, OF_RUN, **key_of(stage.run))
    assert shows(cells["tokens"], exact["tokens"])
    assert shows(cells["cost"], exact["usd"])
    assert int(cells["sessions"]) == exact["sessions"]
    page.locator("body").press("/")
    assert page.evaluate("document.activeElement.dataset.testid") == "search"
    page.keyboard.type("no run says anything like this")
    dashboard.get("no-runs").wait_for()
    assert "q=no+run" in page.url
    dashboard.get("search").fill("")
    only.first.wait_for()
    only.first.press("Enter")
    dashboard.get("run-title").wait_for()
    assert dashboard.get("run-title").inner_text() == stage.run.run_id


@pytest.mark.parametrize("stage", [STEERED], indirect=True)
def test_a_loop_is_paused_resumed_extended_and_stopped(stage: Stage, dashboard: Dashboard) -> None:
    loop_id, run = stage.run.run_id, stage.run
    page = dashboard.open("loop", "loop-state", id=loop_id)

    def state_is(wanted: str) -> None:
        page.get_by_test_id("loop-state").get_by_text(wanted).wait_for()
        assert scalar(stage.ledger_url, "select state from loop where id = :id", id=loop_id) == wanted

    dashboard.get("approval").wait_for()
    dashboard.get("pause-loop").click()
    dashboard.get("pause-loop-yes").click()
    state_is("paused")
    dashboard.get("resume-loop").click()
    dashboard.get("resume-loop-yes").click()
    state_is("running")
    dashboard.get("extend-loop").click()
    dashboard.get("extend-rounds").fill("3")
    dashboard.get("extend-budget_usd").fill("1.5")
    dashboard.get("extend-send").click()
    dashboard.get("extend-form").wait_for(state="detached")
    eventually("seven rounds", lambda: dashboard.made("rounds") == "of at most 7", 120)
    dashboard.get("stop-loop").click()
    page.keyboard.press("Escape")
    state_is("running")
    dashboard.get("stop-loop").click()
    dashboard.get("stop-loop-yes").click()
    state_is("stopped")
    assert run.ended() == "failed"
    assert [each.run_id for each in stage.airflow.runs("goal_loop", like=loop_id)] == [run.run_id]

    dashboard.open("runs", "run-row").get_by_label("loop").select_option(loop_id)
    eventually(
        "its run is left", lambda: list(dashboard.table("run-row")) == [f"goal_loop/{run.run_id}"], 120
    )


@pytest.mark.parametrize("stage", [LONG], indirect=True)
def test_a_session_at_work_is_stopped_by_a_click_and_a_second_one(stage: Stage, dashboard: Dashboard) -> None:
    run = stage.start()
    eventually("a session works", run.sessions, SECONDS)
    session_id = str(run.sessions()[0].id)
    page = dashboard.open("session", "event", id=session_id)
    dashboard.get("stop-session").click()
    dashboard.get("stop-session-no").click()
    assert run.sessions()[0].closed_at is None
    dashboard.get("stop-session").click()
    dashboard.get("stop-session-yes").click()
    page.get_by_test_id("session-state").get_by_text("stopped").wait_for()
    seconds_until_gone(session_id)
    page.locator("[data-state=ended]").wait_for()
    (row,) = rows(stage.ledger_url, "select outcome, closed_at from session where id = :id", id=session_id)
    assert (row["outcome"], row["closed_at"] is not None) == ("stopped", True)
    assert dashboard.get("stop-session").count() == 0


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_a_run_is_stopped_let_go_on_and_approved_in_place(stage: Stage, dashboard: Dashboard) -> None:
    """From the list of what waits to the run, where it is answered: by Airflow's own API."""
    page = dashboard.open("approvals", "approval")
    mine = page.locator(f"[data-testid=approval][data-run='{stage.run.run_id}']")
    mine.get_by_role("link").first.click()
    dashboard.get("stop-run").click()
    dashboard.get("stop-run-yes").click()
    dashboard.get("stopped-by").wait_for()
    stopped = "select stopped_by from budget where scope = :scope"
    scope = f"run:issue_fix/{stage.run.run_id}"
    assert scalar(stage.ledger_url, stopped, scope=scope) == "human:admin"
    dashboard.get("resume-run").click()
    dashboard.get("resume-run-yes").click()
    dashboard.get("stop-run").wait_for()
    assert scalar(stage.ledger_url, stopped, scope=scope) is None
    asked = dashboard.get("waiting")
    asked.get_by_test_id("param-feedback").fill(FEEDBACK)
    asked.get_by_test_id("answer-Approve").click()
    asked.wait_for(state="detached")
    assert stage.run.ended() == "success", stage.run.failures()
    (review,) = rows(
        stage.ledger_url,
        f"select decision, by, feedback from review s where {OF_RUN} and task_id = 'approve_pull_request'",
        **key_of(stage.run),
    )
    assert dict(review) == {"decision": "approve", "by": "human:admin", "feedback": FEEDBACK}
    decided = dashboard.get("decision").last
    decided.get_by_text(FEEDBACK).wait_for()
    assert decided.locator("b").count() == 0
    assert len(stage.pulls()) == 1


@pytest.mark.parametrize("stage", [RUN_DELETED], indirect=True)
def test_a_run_that_was_deleted_in_airflow_keeps_its_figures_and_has_nothing_to_click(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open_run(stage.run, "forgotten")
    exact = spent(stage.ledger_url, OF_RUN, **key_of(stage.run))
    assert exact["unknown"] == 1, "nobody knows what the call under way came to"
    assert shows(dashboard.figure("cost"), exact["usd"])
    assert dashboard.figure("cost").endswith(" + unknown")
    assert shows(dashboard.figure("tokens"), exact["tokens"])
    assert dashboard.get("stop-run").count() == dashboard.get("resume-run").count() == 0
    assert page.get_by_role("link", name="in Airflow").count() == 0
    dashboard.open("runs", "run-row", q=stage.run.run_id)
    cells = dashboard.table("run-row")[f"issue_fix/{stage.run.run_id}"]
    assert cells["state"] == "forgotten"
    assert cells["sessions"].startswith(str(exact["sessions"]))


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_what_is_not_there_is_said_in_words(stage: Stage, dashboard: Dashboard) -> None:
    """A run without anything, a session and a loop that nobody knows, a state that no loop is in."""
    dashboard.open("run", "no-spans", dag_id="issue_fix", run_id="never-begun")
    for page, unknown in (("session", new_id()), ("loop", "nobody-knows")):
        dashboard.open(page, "trouble", id=unknown)
        assert "no right to this, or it does not exist" in dashboard.get("trouble").inner_text()
    dashboard.open("runs", "no-runs", q="no run says anything like this")


@pytest.mark.parametrize("stage", [SHOWN], indirect=True)
def test_while_airflow_is_away_a_page_says_so_and_keeps_what_it_has(
    stage: Stage, dashboard: Dashboard
) -> None:
    page = dashboard.open_run(stage.run, "figure-cost")
    cost = dashboard.figure("cost")
    page.context.set_offline(True)
    try:
        dashboard.get("trouble").wait_for()
        assert "Airflow cannot be reached" in dashboard.get("trouble").inner_text()
        assert dashboard.figure("cost") == cost
    finally:
        page.context.set_offline(False)
    dashboard.get("trouble").wait_for(state="detached")
    assert dashboard.figure("cost") == cost


@pytest.mark.parametrize("stage", [BOARD_BUILT], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_phone(stage: Stage, scheme: str, dashboard: Dashboard) -> None:
    """400 pixels: the page does not scroll sideways, and what is wider has a scroller of its own."""
    run, loop_id = stage.runs[-1], stage.runs[0].run_id
    session = run.sessions("work")[0].id
    dashboard.page.emulate_media(color_scheme=scheme)
    dashboard.page.set_viewport_size({"width": 400, "height": 800})
    for page, waits_for, params in [
        ("overview", "figures", {}),
        ("runs", "run-row", {}),
        ("run", "waterfall", {"dag_id": run.dag_id, "run_id": run.run_id}),
        ("session", "event", {"id": session}),
        ("loops", "loop-row", {}),
        ("loop", "round", {"id": loop_id}),
        ("costs", "cost-row", {}),
    ]:
        dashboard.open(page, waits_for, **params)
        assert dashboard.overflow() == [], page
    dashboard.page.emulate_media(color_scheme="light")
