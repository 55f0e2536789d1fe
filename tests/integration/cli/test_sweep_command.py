"""`bridle sweep` and `bridle retention`: what a person, or cron, puts in order."""

import json
import os

from typer.testing import CliRunner

from bridle.cli import app
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, StepKey
from bridle.testing.ledger import session_start
from bridle.workspace.leftovers import socket_folder


def bridle(ledger_url, *arguments, **env):
    done = CliRunner().invoke(app, list(arguments), env={"BRIDLE_LEDGER_URL": ledger_url, **env})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_sweep_closes_what_is_lost_and_removes_what_it_left(ledger, ledger_url, tmp_path):
    attempt = Attempt(StepKey("dag", "run", "task"), str(new_id()), 1, 0)
    fence = ledger.take_step(attempt)
    lost = ledger.open_session(session_start(attempt, fence), ttl_seconds=0)
    alive = ledger.open_session(session_start(attempt, fence))
    folder = tmp_path / "sessions" / str(lost)
    folder.mkdir(parents=True)
    socket_folder(str(lost)).mkdir()
    os.utime(folder, (0, 0))
    said = bridle(ledger_url, "sweep", AIRFLOW__BRIDLE__HOME=str(tmp_path))
    assert said.splitlines() == [
        f"closed as lost: {lost}",
        f"removed: {lost}",
        "1 lost sessions, 0 lost searches, 1 folders",
    ]
    assert not socket_folder(str(lost)).exists()
    assert ledger.session(lost).outcome == "lost"
    assert ledger.session(alive).outcome is None


def test_retention_says_what_it_deleted(ledger, ledger_url):
    said = json.loads(bridle(ledger_url, "retention", BRIDLE_KEEP_EVENTS_DAYS="1"))
    assert said == {"partitions": [], "events": 0, "transcripts": 0, "artifacts": 0, "bundles": 0}


def test_a_wrong_number_of_days_is_told(ledger_url):
    env = {"BRIDLE_LEDGER_URL": ledger_url, "BRIDLE_KEEP_EVENTS_DAYS": "soon"}
    done = CliRunner().invoke(app, ["retention"], env=env)
    assert done.exit_code == 1
    assert "BRIDLE_KEEP_EVENTS_DAYS is 'soon'" in done.stderr
