"""`bridle doctor`, as a user calls it: what is well, what is not, what to do, and an exit code."""

import subprocess
from pathlib import Path

import psycopg
import yaml
from doctor_clinic import BRIDLE, Installed, doctor, environment

from bridle.testing.model_server import ModelServer


def test_where_there_is_nothing_it_says_what_is_missing_and_leaves_nothing(tmp_path: Path) -> None:
    told = doctor(tmp_path, environment(tmp_path))
    assert told.exit_code == 1
    assert told.about("git")["verdict"] == "ok"
    assert told.about("ledger")["verdict"] == "fail"
    assert "bridle up" in told.about("ledger")["remedy"]
    assert "AIRFLOW_CONN_BRIDLE_ANTHROPIC" in told.about("provider anthropic")["said"]
    assert told.about("Airflow's settings")["verdict"] == "unseen"
    assert not (tmp_path / "airflow").exists()
    assert not (tmp_path / ".bridle").exists()


def test_what_is_well_is_well(installed: Installed, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(yaml.safe_dump({"step": [[{"text": "hello"}]]}))
    with ModelServer(script) as model:
        installed.model = model.url
        told = installed.told(program=(BRIDLE,))
        assert model.requests() == []  # nothing was bought
    wanted = ("ledger", "migrations", "partitions", "clock", "provider anthropic", "repository demo", "disk")
    assert {what: told.about(what)["verdict"] for what in (*wanted, "issues of demo")} == dict.fromkeys(
        (*wanted, "issues of demo"), "ok"
    ), told.data


def test_each_thing_that_is_wrong_has_its_own_remedy(installed: Installed) -> None:
    """An unreachable model, a missing branch, a missing folder, a ledger behind, fast retries."""
    installed.entry |= {"base": "trunk", "issues": "/nowhere"}
    with psycopg.connect(installed.ledger_url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE bridle.alembic_version SET version_num = '0000'")
    told = installed.told(AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL="30")
    assert told.exit_code == 1
    assert told.about("provider anthropic")["verdict"] == "fail"
    assert "trunk" in told.about("repository demo")["said"]
    assert "main" in told.about("repository demo")["said"]
    assert "/nowhere" in told.about("issues of demo")["said"]
    assert told.about("migrations")["remedy"] == "bridle migrate"
    heartbeat = told.about("[workers] min_heartbeat_interval")
    assert heartbeat["remedy"] == "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1"
    assert all(
        finding["remedy"]
        for group in told.data["groups"]
        for finding in group["findings"]
        if finding["verdict"] == "warn"
    )


def test_a_malformed_file_is_told_with_its_line_and_the_rest_is_looked_at_all_the_same(
    installed: Installed,
) -> None:
    installed.entry["chekcs"] = {}
    told = installed.told()
    assert "repositories.yaml:" in told.about("repositories")["said"]
    assert told.about("ledger")["verdict"] == "ok"


def test_an_agent_that_no_package_brings_is_told_with_those_that_there_are(
    installed: Installed, tmp_path: Path
) -> None:
    roles = tmp_path / "roles.yaml"
    roles.write_text(
        yaml.safe_dump({"roles": {"r": {"agent": "codx", "model": "anthropic:claude-haiku-4-5"}}})
    )
    found = installed.told(AIRFLOW__BRIDLE__ROLES_FILE=str(roles)).about("roles")
    assert found["verdict"] == "fail"
    assert found["said"].startswith(f"{roles}:3: roles.r.agent: agent 'codx' does not exist")
    assert "api, claude-code, codex" in found["said"]


def test_a_file_that_is_wrong_is_told_once_and_named_by_what_it_is_in_the_way_of(
    installed: Installed, tmp_path: Path
) -> None:
    roles = tmp_path / "roles.yaml"
    roles.write_text("roles: {\n")
    told = installed.told(AIRFLOW__BRIDLE__ROLES_FILE=str(roles))
    assert [finding["what"] for finding in told.findings if str(roles) in finding["said"]] == ["roles"]
    for what in ("agents", "models"):
        assert (told.about(what)["verdict"], told.about(what)["said"]) == (
            "unseen",
            "what is wrong with roles is in the way",
        )


def test_people_read_what_programs_read(installed: Installed) -> None:
    """Every finding and every remedy, word by word."""
    installed.entry["base"] = "trunk"
    env = installed.env()
    port = "port of the UI"
    told, after = doctor(installed.folder, env), None
    while after is None or after.about(port) != told.about(port):  # another test's demo took or left it
        told = after or told
        done = subprocess.run(
            [BRIDLE, "doctor"], cwd=installed.folder, env=env, capture_output=True, text=True, check=False
        )
        after = doctor(installed.folder, env)
    assert done.returncode == told.exit_code == 1
    lines = done.stdout.splitlines()
    for finding in told.findings:
        # what is measured anew differs in its digits
        if finding["what"] not in ("clock", "disk", "temporary files"):
            assert any(line.endswith(f"{finding['what']}: {finding['said']}") for line in lines), finding
        if finding["remedy"]:
            assert f"       do: {finding['remedy']}" in lines
    count = told.data["counts"]
    assert f"{count['ok']} ok, {count['warn']} to see to, {count['fail']} wrong" in lines[-1]


def test_people_are_told_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [BRIDLE, "doctor"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Looking at this host alone" in done.stdout
    assert "FAIL ledger" in done.stdout
    assert "do: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_metrics_whose_client_is_not_installed_are_told(installed: Installed) -> None:
    """Datadog's is in no environment of these tests, StatsD's is."""
    assert installed.told().about("metrics")["said"] == "off"
    on = {"AIRFLOW__METRICS__STATSD_ON": "True"}
    assert installed.told(**on).about("metrics")["verdict"] == "ok"
    found = installed.told(**on, AIRFLOW__METRICS__STATSD_DATADOG_ENABLED="True").about("metrics")
    assert found["verdict"] == "warn"
    assert "apache-airflow[datadog]" in found["remedy"]
