"""Recordings between the folder of a user and the one of the local stack's tasks."""

import json
from pathlib import Path

import pytest

from bridle.cli.replay import ABOUT, keep, lay_out
from bridle.config.recordings import FOLDER, recording_of
from bridle.errors import ConfigError
from bridle.local.rest import DagRun

RUN = DagRun(
    dag_id="issue_fix", run_id="acme/1 2026", state="success", conf={"issue": 1, "bridle": {"record": True}}
)


def recorded(state: Path) -> Path:
    folder = recording_of(state / "work" / FOLDER, RUN.dag_id, RUN.run_id)
    folder.mkdir(parents=True)
    (folder / "plan.1.1.jsonl").write_text('{"request": {}}\n')
    return folder


def test_a_kept_recording_can_be_laid_out_for_another_stack(tmp_path: Path) -> None:
    recorded(tmp_path / "one")
    keep(RUN, tmp_path / "kept", tmp_path / "one")
    assert json.loads((tmp_path / "kept" / ABOUT).read_text())["conf"] == {"issue": 1}
    elsewhere = tmp_path / "two" / "work" / FOLDER
    found = lay_out(tmp_path / "kept", elsewhere)
    assert found is not None
    dag_id, name, conf = found
    assert (dag_id, conf) == ("issue_fix", {"issue": 1})
    assert (elsewhere / name / "plan.1.1.jsonl").is_file()


def test_a_folder_that_is_no_recording_may_be_the_name_of_a_run(tmp_path: Path) -> None:
    assert lay_out(tmp_path, tmp_path / "cassettes") is None


def test_a_run_without_sessions_has_recorded_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is recorded"):
        keep(RUN, tmp_path / "kept", tmp_path)


def test_recordings_of_another_airflow_are_on_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDLE_AIRFLOW_URL", "http://airflow.example.com")
    with pytest.raises(ConfigError, match=r"on the workers of http://airflow.example.com"):
        keep(RUN, tmp_path / "kept", tmp_path)
