"""The round that went wrong, asked from a page's API and at a terminal, and found by a worker."""

import subprocess
import sys
from pathlib import Path

import pytest
from e2e_browser import CHROMIUM, Dashboard
from e2e_processes import eventually
from e2e_run import SECONDS
from e2e_scenario import CHECK, Scenario, bug_fixed_by, edit
from e2e_stage import Stage
from test_e2e_goal import RESUMED

from bridle.errors import InvalidInput

pytestmark = pytest.mark.timeout(600)

PAGE, LOOP_PAGE = "/bridle/api/run/bisect", "/bridle/api/loop/bisect"


def search(stage: Stage) -> None:
    run = stage.start()
    run.answer("Approve")
    assert run.ended() == "success", run.failures()
    key = {"dag_id": run.dag_id, "run_id": run.run_id}
    with pytest.raises(InvalidInput) as refused:
        stage.airflow._call("POST", PAGE, params=key, json={"check": "rm -rf /"})
    stage.notes["refused"] = str(refused.value)
    stage.notes["asked"] = stage.airflow._call("POST", PAGE, params=key, json={"check": "blanks"})

    def ended() -> bool:
        stage.notes["page"] = stage.airflow._call("GET", PAGE, params=key)
        return stage.notes["page"]["searches"][0]["state"] not in ("asked", "running")

    eventually("the search has ended", ended, SECONDS)
    command = [str(Path(sys.executable).with_name("bridle")), "bisect", f"{run.dag_id}/{run.run_id}"]
    command += ["--check", "blanks", "--state", str(stage.home.parent)]
    for name, more in (("here", []), ("worker", ["--dag"])):
        stage.notes[name] = subprocess.run(
            [*command, *more], capture_output=True, text=True, check=False, timeout=SECONDS
        )


SEARCHED = Scenario(
    "searched",
    search,
    script=bug_fixed_by(edit("a - b", "a +  b")),
    settings={"checks": {"tests": CHECK, "blanks": "! grep -q '+  ' calc.py"}},
)


@pytest.mark.parametrize("stage", [SEARCHED], indirect=True)
def test_a_worker_finds_the_session_that_went_wrong_and_the_page_tells_it(stage: Stage) -> None:
    assert stage.notes["asked"]["state"] == "asked"
    page = stage.notes["page"]
    assert (page["checks"], page["may_search"]) == (["tests", "blanks"], True)
    (found,) = page["searches"]
    (session,) = stage.run.sessions("fix.implement_1")
    assert found["state"] == "found", found["why"]
    assert (found["commit"], found["good_commit"]) == (session.commit, session.base_commit)
    assert found["culprit"]["session_id"] == str(session.id)
    decisions = {
        str(row.id): row.choice for row in stage.ledger.decisions(stage.run.dag_id, stage.run.run_id)
    }
    assert decisions[found["decision"]["id"]] == found["decision"]["choice"]
    assert [probe["again"] for probe in found["probes"]].count(False) == found["searched"]
    assert len(found["probes"]) == found["searched"] + found["repeated"]
    checks = stage.ledger.checks(found["done_by_dag"], found["done_by_run"])
    assert [check.exit_code == 0 for check in checks] == [probe["passed"] for probe in found["probes"]]
    assert stage.ledger.sessions(found["done_by_dag"], found["done_by_run"]) == []


@pytest.mark.parametrize("stage", [SEARCHED], indirect=True)
def test_a_command_in_the_place_of_a_check_is_refused_before_anything_is_started(stage: Stage) -> None:
    assert "answers 400" in stage.notes["refused"]
    assert "no check 'rm -rf /' in repositories.yaml; it has: tests, blanks" in stage.notes["refused"]
    assert len(stage.notes["page"]["searches"]) == 1


@pytest.mark.parametrize("stage", [RESUMED], indirect=True)
def test_a_loop_is_searched_from_its_page_too(stage: Stage) -> None:
    """It went right in the end: that is what the search has to say, whatever was wrong before."""
    loop = {"id": stage.runs[0].run_id}
    stage.airflow._call("POST", LOOP_PAGE, params=loop, json={"check": "tests"})

    def newest() -> dict:
        return stage.airflow._call("GET", LOOP_PAGE, params=loop)["searches"][0]

    eventually("the search has ended", lambda: newest()["state"] not in ("asked", "running"), SECONDS)
    assert newest()["state"] == "good", newest()["why"]
    assert newest()["commits"] == 3


@pytest.mark.parametrize("stage", [SEARCHED], indirect=True)
def test_the_terminal_finds_the_same_here_and_on_a_worker(stage: Stage) -> None:
    (session,) = stage.run.sessions("fix.implement_1")
    for where in ("here", "worker"):
        done = stage.notes[where]
        assert done.returncode == 0, done.stderr
        assert str(session.id) in " ".join(done.stderr.split())
        assert "went wrong" in done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("stage", [SEARCHED], indirect=True)
def test_the_page_of_a_run_tells_which_session_went_wrong_and_starts_another_search(
    stage: Stage, dashboard: Dashboard
) -> None:
    (session,) = stage.run.sessions("fix.implement_1")
    dashboard.open_run(stage.run, "bisect-blame")
    blamed = dashboard.get("bisect-blame").first.inner_text()
    assert f"commit {str(session.commit)[:10]} of the session of fix.implement_1" in blamed
    assert "dispatched by decision" in blamed
    dashboard.get("bisect-check").select_option("tests")
    dashboard.get("bisect-start").click()
    newest = dashboard.get("bisect-newest")
    newest.get_by_text("It passes at the end.").wait_for(timeout=SECONDS * 1000)
    assert newest.get_by_test_id("bisect-probe").count() > 0
    assert dashboard.errors == []
