"""What the doctor says of Airflow's settings, and of where its traces go."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from doctor_clinic import BRIDLE, HERE, Seen, Told, doctor, environment, looked_at

from bridle.doctor.airflow import ADVICE, workflows
from bridle.doctor.traces import traces

WRONG = {
    "workers.min_heartbeat_interval": "30",
    "workers.max_failed_heartbeats": "3",
    "workers.execution_api_retries": "5",
    "workers.execution_api_retry_wait_max": "90",
    "scheduler.task_instance_heartbeat_timeout": "300",
    "scheduler.orphaned_tasks_check_interval": "300",
    "scheduler.scheduler_health_check_threshold": "10",
}


def asked(folder: Path, *, program: tuple[str, ...] = (BRIDLE,), **more: str) -> Told:
    """What is said of an Airflow in `folder`, whose DAG files are in `folder`/dags."""
    places = {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags")}
    return doctor(folder, environment(folder, **places, **more), program=program)


def variables(settings: dict[str, str]) -> dict[str, str]:
    """Airflow's settings as its environment has them."""
    return {f"AIRFLOW__{name.replace('.', '__').upper()}": value for name, value in settings.items()}


@pytest.fixture(scope="module")
def unadvised(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """An Airflow with every setting outside of what does no harm."""
    return asked(tmp_path_factory.mktemp("unadvised"), **variables(WRONG))


@pytest.mark.parametrize("advice", ADVICE, ids=lambda advice: advice.option)
def test_each_setting_that_costs_tasks_is_told_with_what_to_set(unadvised: Told, advice: object) -> None:
    (found,) = (each for each in ADVICE if each is advice)
    section, _, name = found.option.partition(".")
    said = (WRONG[found.option], found.why)
    unadvised.check(Seen(f"[{section}] {name}", "warn", said, f"{found.variable}={found.better}"))


def test_with_what_the_doctor_advises_it_is_content(tmp_path: Path) -> None:
    told = asked(tmp_path, program=HERE, **{advice.variable: advice.better for advice in ADVICE})
    for advice in ADVICE:
        assert told.about("[{}] {}".format(*advice.option.split(".")))["verdict"] == "ok"


def test_a_setting_that_is_no_number_is_told_and_the_others_are_looked_at(tmp_path: Path) -> None:
    told = asked(tmp_path, **variables(WRONG | {"workers.execution_api_retries": "many"}))
    told.check(
        Seen("[workers] execution_api_retries", "fail", ("many", "no number"), "EXECUTION_API_RETRIES=60"),
        Seen("[scheduler] scheduler_health_check_threshold", "warn", ("10",), "THRESHOLD=30"),
        # Airflow's own reading of its connections fails of it: that is told, too, and nothing else is missed
        Seen("ledger", "unseen", ("looking broke off", "execution_api_retries")),
    )


def test_components_that_a_pause_of_the_database_ends_are_told_until_the_hook_is_there(
    tmp_path: Path, unadvised: Told
) -> None:
    unadvised.check(Seen("reconnecting", "warn", ("three seconds",), "airflow_local_settings.py"))
    hooks = tmp_path / "airflow" / "config"
    hooks.mkdir(parents=True)
    remedy = unadvised.about("reconnecting")["remedy"].partition(": ")[2]
    (hooks / "airflow_local_settings.py").write_text(remedy.replace("; ", "\n"))
    asked(tmp_path).check(Seen("reconnecting", "ok", ("components wait",)))


@pytest.mark.parametrize("executor", ["nowhere.Executor", "CeleryExectuor"])
def test_an_executor_that_is_not_installed_is_told(tmp_path: Path, executor: str) -> None:
    told = asked(tmp_path, AIRFLOW__CORE__EXECUTOR=executor)
    told.check(Seen("executor", "fail", (executor,), "AIRFLOW__CORE__EXECUTOR=LocalExecutor"))


def test_a_folder_of_dag_files_that_is_missing_or_has_no_workflow_is_told(
    tmp_path: Path, unadvised: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    unadvised.check(Seen("DAG folder", "fail", ("/dags is not there",), "bridle init"))
    folder = tmp_path / "dags"
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))
    folder.mkdir()
    (folder / "mine.py").write_text("print()\n")
    seen = Seen("DAG folder", "warn", ("no workflow of Bridle's",), f"bridle init {tmp_path}")
    seen.check(looked_at(workflows, tmp_path))
    shutil.copy(Path(__file__).parents[3] / "dags" / "issue_fix.py", folder)
    Seen("DAG folder", "ok", (str(folder),)).check(looked_at(workflows, tmp_path))


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An Airflow that sends traces; where to is not said."""
    for name in [name for name in os.environ if name.startswith("OTEL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW__TRACES__OTEL_ON", "True")
    return monkeypatch


def test_traces_that_go_nowhere_or_to_the_wrong_door_are_told(
    tmp_path: Path, traced: pytest.MonkeyPatch
) -> None:
    found = looked_at(traces, tmp_path)
    Seen("traces", "warn", ("nowhere in particular",), ENDPOINT).check(found)
    Seen("traces: time-out", "warn", ("10 s or longer",), "OTEL_EXPORTER_OTLP_TIMEOUT=3").check(found)
    traced.setenv(ENDPOINT, "http://127.0.0.1:4318")
    seen = Seen("traces", "warn", ("by gRPC to http://127.0.0.1:4318",), "OTEL_TRACES_EXPORTER=otlp_proto")
    seen.check(looked_at(traces, tmp_path))


def test_a_receiver_of_traces_that_refuses_is_told(tmp_path: Path, traced: pytest.MonkeyPatch) -> None:
    traced.setenv("OTEL_TRACES_EXPORTER", "otlp_proto_http")
    traced.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        there = f"http://127.0.0.1:{receiver.getsockname()[1]}"
        traced.setenv(ENDPOINT, there)
        found = looked_at(traces, tmp_path)
    assert [(each["what"], each["said"]) for each in found] == [("traces", f"to {there} by HTTP")]
    seen = Seen("traces", "warn", (f"nobody answers at {there}", "refused"), "start the receiver")
    seen.check(looked_at(traces, tmp_path))
