"""The main job: an issue becomes one draft pull request that a human has approved."""

import json
from decimal import Decimal

import pytest
from e2e_scenario import APPROVES, Scenario, Session, answering, bug_fixed_by, edit
from e2e_stage import Stage

from bridle.demo.books import Count
from bridle.ledger.records import Usage
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import plain_git

NOTHING = dict.fromkeys(Usage.__dataclass_fields__, 0)
KIMI = "moonshotai/kimi-k2.6"


def play(stage: Stage) -> None:
    run = stage.start()
    run.answer("Approve", feedback="Thank you.")
    assert run.ended() == "success", run.failures()


def counting(session: Session, **usage: int) -> Session:
    """A session each of whose answers reports this usage."""
    return [{**turn, "usage": usage} for turn in session]


CLASSIFIED = counting(
    answering(label="bug", rationale="A wrong sum.", confidence=0.97),
    input_tokens=900,
    output_tokens=60,
    cache_read_tokens=500,
    reasoning_tokens=30,
)
REVIEWED = counting(
    APPROVES,
    input_tokens=7000,
    output_tokens=300,
    cache_read_tokens=4000,
    reasoning_tokens=200,
)
FIXED = counting(
    edit("a + b - 1", "a + b"),
    input_tokens=5000,
    output_tokens=100,
    cache_read_tokens=3000,
    cache_write_tokens=1500,
)

HAPPY = Scenario(
    "happy",
    play,
    script={
        # the first model of the role is overloaded, the next one answers
        "classify": [[{**turn, "fail": [503] * 9, "failing": KIMI} for turn in CLASSIFIED]],
        **bug_fixed_by(edit("a - b", "a * b + 1"), edit("a * b + 1", "a + b - 1"), FIXED, review=REVIEWED),
    },
    issue={"labels": []},
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("stage", [HAPPY], indirect=True)]


def test_one_draft_pull_request_says_what_was_done_and_what_it_cost(stage: Stage) -> None:
    (pull,) = stage.pulls()
    assert pull.head["draft"] is True
    assert (pull.head["head"], pull.head["base"]) == ("bridle/issue-1", "main")
    assert pull.head["title"] == "Fix #1: add subtracts"
    assert "Let add add." in pull.body
    assert f"`{stage.entry['checks']['tests']}`" in pull.body
    assert "Approved by admin" in pull.body
    for step in ("classify", "investigate", "fix.implement_1", "fix.review_1"):
        assert f"| {step} |" in pull.body


def test_the_branch_passes_the_check_that_failed_before(stage: Stage) -> None:
    assert stage.branches() == ["bridle/issue-1"]
    assert not stage.check_passes("main")
    assert stage.check_passes("bridle/issue-1")


def test_the_issue_is_told_and_labelled(stage: Stage) -> None:
    (comment,) = stage.comments()
    assert "draft pull request" in comment
    assert stage.labels() == ["bridle:pull-request"]


def test_every_round_is_a_session_whose_work_is_judged_outside(stage: Stage) -> None:
    """The check fails twice and then passes; each session goes on from the commit before."""
    step = stage.run.steps()["fix.implement_1"]
    assert [check.exit_code for check in step.checks] == [1, 1, 0]
    assert [session.agent for session in step.sessions] == ["claude-code"] * 3
    commits = [session.commit for session in step.sessions]
    assert [session.base_commit for session in step.sessions] == [stage.main, *commits[:2]]
    assert [check.commit for check in step.checks] == commits
    assert stage.tip("bridle/issue-1") == commits[-1]


def test_rounds_that_were_not_needed_are_skipped(stage: Stage) -> None:
    states = stage.run.states()
    skipped = {task for task, state in states.items() if state == "skipped"}
    assert skipped == {"plan", "answer", "comment_answer", "label_other", "fix.implement_2", "fix.review_2"}
    assert {state for task, state in states.items() if task not in skipped} == {"success"}
    assert {task.try_number for task in stage.airflow.tasks(stage.run.dag_id, stage.run.run_id)} <= {0, 1}


def test_the_ledger_has_what_the_model_counted_step_by_step_and_in_sum(stage: Stage) -> None:
    ledger = {
        task: Count(row.totals.calls, row.totals.usage.input_tokens, row.totals.usage.output_tokens)
        for task, row in stage.run.steps().items()
    }
    model = stage.counted()
    # a classifying session has no repository to be found by in the journal
    assert ledger.pop("classify").calls == 2  # the first of them at a model that was overloaded
    assert ledger == model
    assert sum(ledger.values(), Count()) == sum(model.values(), Count())
    assert all(row.totals.cost_usd for row in stage.run.steps().values())


def test_three_agents_and_five_models_are_booked_call_by_call_as_the_provider_counted_them(
    stage: Stage,
) -> None:
    """Cached and reasoning tokens too, and a call that went to the next model of the chain."""
    sessions = stage.run.sessions()
    assert {session.agent for session in sessions} == {"api", "claude-code", "codex"}
    booked = {
        str(session.id): [
            (call.dialect, call.model, call.http_status, call.usage and vars(call.usage))
            for call in stage.ledger.calls(session.id)
        ]
        for session in sessions
    }
    told = {
        session: [
            (line["dialect"], line["model"], line["status"], {**NOTHING, **(line["usage"] or {})})
            for line in stage.journal_of(session)
        ]
        for session in booked
    }
    assert booked == told
    calls = [call for session in booked.values() for call in session]
    assert {dialect for dialect, *_ in calls} == {"anthropic-messages", "openai-chat", "openai-responses"}
    assert len({model for _, model, *_ in calls}) == 5
    assert [status for _, model, status, _ in calls if model == KIMI] == [503]
    review = stage.run.steps()["fix.review_1"]
    assert review.totals.usage == Usage(7000, 300, 4000, 0, 200)
    assert review.totals.cost_usd


def test_steps_without_a_model_use_no_token(stage: Stage) -> None:
    spent = {task: values["tokens"] for task, values in stage.run.xcoms().items() if values.get("tokens")}
    assert spent == {task: row.totals.usage.total for task, row in stage.run.steps().items()}
    assert set(spent) == {"classify", "investigate", "fix.implement_1", "fix.review_1"}


def test_no_task_pushes_more_than_two_kilobytes(stage: Stage) -> None:
    sizes = stage.run.xcom_bytes()
    assert {"fetch_issue", "fix.implement_1", "fix.settle", "open_pull_request"} <= set(sizes)
    assert {task: size for task, size in sizes.items() if size > 2048} == {}


def test_a_tasks_page_links_to_its_session_its_run_and_its_question(stage: Stage) -> None:
    run = f"/dags/issue_fix/runs/{stage.run.run_id}"
    both = {"Bridle run and diff": f"{run}/plugin/bridle-run"}
    session = {"Bridle session": f"{run}/tasks/fix.implement_1/plugin/bridle-session"}
    question = {"Bridle approval": f"{run}/tasks/approve_pull_request/required_actions"}
    assert stage.run.links("fetch_issue") == both
    assert stage.run.links("fix.implement_1") == both | session
    assert stage.run.links("approve_pull_request") == both | question
    assert stage.run.links("open_pull_request") == both | {"Pull request": None}, "of this forge it is a file"


def test_show_follows_a_run_to_its_end_and_then_sums_it_up(stage: Stage) -> None:
    told = stage.bridle("show", stage.run.run_id, "--follow")
    assert told.returncode == 0, told.stderr
    assert "fix.implement_1" in told.stderr and "check tests: passed" in told.stderr
    assert "What it cost" in told.stdout
    listed = json.loads(stage.bridle("runs", "--json", "--limit", "100").stdout)
    (mine,) = (run for run in listed if run["run_id"] == stage.run.run_id)
    totals = [row.totals for row in stage.run.steps().values()]
    assert (mine["state"], mine["waits_for_a_human"]) == ("success", False)
    assert mine["tokens"] == sum(row.usage.total for row in totals)
    assert Decimal(mine["cost_usd"]) == sum(row.cost_usd or 0 for row in totals)


def test_the_first_request_of_claude_code_is_small(stage: Stage) -> None:
    asked = [line for line in stage.journal if line["task"] == "fix.implement_1"]
    first = [line["request_bytes"] for line in asked if line["turn"] == 0]
    assert len(first) >= 3
    assert max(first) <= 20_000


def test_nothing_else_has_changed(stage: Stage) -> None:
    """Neither the user's checkout, nor the mirror's branches, and no session's folder is left."""
    assert stage.changes() == []
    (mirror,) = (stage.home / "mirrors").glob("happy*.git")
    heads = plain_git(mirror, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
    assert heads.splitlines() == [f"{stage.main} refs/heads/main"]
    left = {path.name for path in (stage.home / "sessions").glob("*")}
    assert left & {str(session.id) for session in stage.run.sessions()} == set()


def test_hidden_text_of_the_issue_reaches_no_prompt(stage: Stage) -> None:
    with Ledger(stage.ledger_url) as ledger:
        prompts = [ledger.get_artifact(session.prompt_ref).decode() for session in stage.run.sessions()]
    assert all("`add(2, 2)` is 0" in prompt for prompt in prompts)
    assert not any("moon" in prompt for prompt in prompts)
