"""Rounds against a check, from the ledger's point of view and from the repository's."""

import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness_bench import CHECK, Bed, assignment, edit

from bridle.agents.base import Limits
from bridle.config.roles import Role
from bridle.errors import BudgetSpent, SessionFailed, StopRequested
from bridle.harness.bench import Bench
from bridle.harness.check import run_check
from bridle.harness.work import work
from bridle.workspace.fingerprint import fingerprint

Make = Callable[..., Bed]
NOTHING = Limits(turns=1, tokens=1, minutes=2)
WITH_SHELL = Role(agent="api", model="anthropic:claude-sonnet-4-5", tools=("read", "shell"))


def test_rounds_go_on_with_fresh_sessions_until_the_check_passes(bed: Make) -> None:
    """Three sessions; each later one starts from the commit before and sees the end of the failure."""
    here = bed(
        {
            "implement": [
                edit("a - b", "a * b + 1"),
                edit("a * b + 1", "a * b + 2"),
                edit("a * b + 2", "a + b"),
            ]
        }
    )
    step = here.step()
    result = work(step, here.work())
    state = step.ledger.step_state(step.attempt.step, 2)
    assert [check.exit_code for check in state.checks] == [1, 1, 0]
    assert result.rounds == 3
    assert result.checks == {"tests": True}
    assert [session.outcome for session in state.sessions] == ["done"] * 3
    second = step.ledger.get_artifact(state.sessions[1].prompt_ref).decode()
    assert "AssertionError: 5" in second
    assert state.sessions[1].base_commit == state.sessions[0].commit
    patch = Bench(step, here.work().repository).patch(result.base or "", result.commit or "")
    assert [file.path for file in patch.files] == ["calc.py"]
    assert "+    return a + b" in patch.text


def test_the_users_repository_is_not_touched(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    before = fingerprint(here.user.path)
    work(here.step(), here.work())
    assert fingerprint(here.user.path) == before
    assert not list((here.folder / "host" / "sessions").iterdir())


def test_a_retry_keeps_what_is_done_and_pays_for_nothing_again(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    first = work(here.step(), here.work())
    calls = here.ledger.session_totals("step:dag/run/implement").calls
    again = work(here.step(), here.work())
    assert again == first
    assert here.ledger.session_totals("step:dag/run/implement").calls == calls == 3


def test_a_clear_starts_anew(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    first = work(here.step(), here.work())
    again = work(here.step(generation=5), here.work())
    assert again.session_id != first.session_id
    assert here.ledger.session_totals("step:dag/run/implement").calls == 6


def test_a_round_that_changes_nothing_ends_the_loop_early(bed: Make) -> None:
    """Paying again for the same failure helps nobody."""
    idle = [{"text": "Looks fine to me, all tests pass."}]
    here = bed({"implement": [edit("a - b", "a * b + 1"), idle]})
    with pytest.raises(SessionFailed, match=r"no progress: round 2 changed nothing"):
        work(here.step(), here.work(rounds=9))


def test_an_agents_word_that_it_is_done_counts_for_nothing(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a * b + 1"), edit("a * b + 1", "a * b + 2")]})
    with pytest.raises(SessionFailed, match=r"'tests' still fails after 2 rounds(.|\n)*AssertionError: 6"):
        work(here.step(), here.work(rounds=2))


def test_a_session_without_any_change_is_a_failure_even_when_the_check_passes(bed: Make) -> None:
    here = bed({"implement": [[{"text": "Done!"}]]})
    here.user.commit({"calc.py": "def add(a, b):\n    return a + b\n"})
    with pytest.raises(SessionFailed, match="without changing a file"):
        work(here.step(), here.work())


def test_what_a_read_session_changes_is_thrown_away(bed: Make) -> None:
    here = bed(
        {"implement": [[{"ops": [{"op": "shell", "command": "echo x > calc.py"}]}, {"text": "Read it."}]]}
    )
    result = work(here.step(), here.work(access="read", check=None, role=WITH_SHELL))
    assert result.commit == result.base


def test_a_spent_budget_keeps_the_work_and_a_cleared_task_goes_on_from_it(bed: Make) -> None:
    """DESIGN 4.6: `limit` fails at once; after a clear the checkpoint is where the next session starts."""
    here = bed({"implement": [[*edit("a - b", "a + b")[:2], {"text": "More."}]]})
    small = Limits(turns=2, minutes=2)
    with pytest.raises(BudgetSpent, match="Its work is kept"):
        work(here.step(), here.work(limits=small))
    stopped = here.ledger.step_state(here.step().attempt.step, 2).sessions[0]
    assert (stopped.outcome, bool(stopped.checkpoint)) == ("limit", True)
    result = work(here.step(generation=5), here.work())
    resumed = here.ledger.step_state(here.step(generation=5).attempt.step, 5).sessions[0]
    assert resumed.resumed_from == stopped.id
    assert result.checks == {"tests": True}


def test_a_session_interrupted_twice_still_has_the_work_of_the_first(bed: Make) -> None:
    """What the second one took over is there for the third, although the second did nothing itself."""
    here = bed({"implement": [[*edit("a - b", "a + b")[:2], {"text": "More."}]]})
    small = Limits(turns=2, minutes=2)
    for generation in (2, 5):
        with pytest.raises(BudgetSpent):
            work(here.step(generation=generation), here.work(limits=small if generation == 2 else NOTHING))
    result = work(here.step(generation=8), here.work())
    patch = Bench(here.step(task="look"), here.work().repository).patch(
        result.base or "", result.commit or ""
    )
    assert "+    return a + b" in patch.text


def test_a_cleared_step_does_not_go_on_from_a_base_that_others_have_moved(bed: Make) -> None:
    """A patch from the old base would take back what they did."""
    here = bed({"implement": [edit("a - b", "a + b")]})
    with pytest.raises(BudgetSpent):
        work(here.step(), here.work(limits=Limits(turns=2, minutes=2)))
    here.user.commit({"other.py": "x = 1\n"})
    step = here.step(generation=5)
    Bench(step, here.work().repository).mirror.fetch()
    result = work(step, here.work())
    patch = Bench(here.step(task="look"), here.work().repository).patch(
        result.base or "", result.commit or ""
    )
    assert [file.path for file in patch.files] == ["calc.py"]


def test_the_agents_words_in_a_commit_close_no_issue_when_it_is_merged(bed: Make) -> None:
    here = bed({"implement": [[edit("a - b", "a + b")[1], {"text": "Fixes #7, thanks @ada"}]]})
    step = here.step()
    result = work(step, here.work())
    mirror = Bench(step, here.work().repository).mirror.path
    show = ["git", "--git-dir", str(mirror), "show", "-s", "--format=%s", result.commit or ""]
    subject = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
    assert subject == "Fixes #\u20607, thanks @\u2060ada"


@pytest.mark.parametrize("of", ["run", "session"])
def test_a_stop_in_mid_session_keeps_the_edits(bed: Make, of: str) -> None:
    """It waits in a tool, and hears of it though it calls no model."""
    sleep = {"ops": [{"op": "shell", "command": "sleep 600"}]}
    here = bed(
        {"implement": [[edit("a - b", "a + b")[1], sleep, {"text": "."}]]},
        checkpoint_seconds=600.0,
    )
    step = here.step()

    def stop() -> None:
        here.wait_for_event("tool_call", "sleep 600")
        session = here.ledger.step_state(step.attempt.step, 2).sessions[0]
        here.ledger.request_stop({"run": "run:dag/run", "session": f"session:{session.id}"}[of], "human:ada")

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(StopRequested):  # and not the limit in time, long before the tool is through
        work(step, here.work())
    session = here.ledger.step_state(step.attempt.step, 2).sessions[0]
    assert (session.outcome, bool(session.checkpoint)) == ("stopped", True)


def test_a_stop_in_the_ledger_ends_the_step_before_it_spends(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    here.ledger.request_stop("run:dag/run", "human:ada")
    with pytest.raises(StopRequested, match="human:ada"):
        work(here.step(), here.work())
    assert here.ledger.session_totals("run:dag/run").calls == 0


def test_the_check_judges_the_commit_and_not_what_an_agent_left_lying_about(bed: Make) -> None:
    """An ignored file that fakes success in the session's tree is not in the check's clone."""
    fake = "import sys; sys.exit(0)"
    here = bed(
        {
            "implement": [
                [
                    {"ops": [{"op": "shell", "command": "mkdir -p .venv && echo x >> calc.py"}]},
                    {"ops": [{"op": "write", "path": ".venv/sitecustomize.py", "content": fake}]},
                    {"text": "Done."},
                ]
            ]
        }
    )
    with pytest.raises(SessionFailed, match="still fails"):
        work(here.step(), here.work(rounds=1))


def test_neither_a_session_nor_a_check_sees_the_tasks_environment(
    bed: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GITHUB_DEFAULT", "github://:ghp_not_for_agents@")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-for-agents")
    dump = "env; cat /proc/self/environ /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'; true"
    here = bed({"implement": [[{"ops": [{"op": "shell", "command": dump}]}, {"text": "Dumped."}]]})
    step = here.step()
    work(step, here.work(access="read", check=None, role=WITH_SHELL))
    session = step.ledger.step_state(step.attempt.step, 2).sessions[0]
    seen = " ".join(str(event.payload) for event in step.ledger.events(session.id))
    assert "PATH=" in seen
    repository = here.user.configured(checks={"dump": dump})
    tail = run_check(Bench(step, repository), repository, "dump", commit="main").tail
    assert "PATH=" in tail
    for text in (seen, tail):
        assert "not_for_agents" not in text
        assert "not-for-agents" not in text
        assert "AIRFLOW" not in text


def test_the_clone_of_a_commit_passes_the_check_for_the_user_too(bed: Make, tmp_path: Any) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    step = here.step()
    result = work(step, here.work())
    clone = Bench(step, here.work().repository).workspace.open(
        here.user.configured(), result.commit or "", "look"
    )
    assert subprocess.run(CHECK, shell=True, cwd=clone.path, check=False).returncode == 0


def test_claude_code_is_the_real_one_and_its_first_request_is_small(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    step = here.step()
    changed = assignment("Fix it.", agent="claude-code").role
    result = work(step, here.work(role=changed))
    session = step.ledger.step_state(step.attempt.step, 2).sessions[0]
    assert result.checks == {"tests": True}
    assert session.agent == "claude-code"
    started = next(event for event in step.ledger.events(session.id) if event.kind == "started")
    assert started.payload["version"].startswith("2.")
