"""Many machines: Airflow with Celery on two workers, which share nothing but the databases behind a pooler.

What runs is docker-compose.yaml, service by service, without Docker. On it two issues are worked on. In the
middle of the first one's session its machine is lost; while the second's waits for its model, scheduler, API
server and PostgreSQL are restarted.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest
from e2e_interrupted import long_session, session_in_the_middle
from e2e_machines import STORES, WORKERS, Machines, machines_of, require_programs
from e2e_processes import eventually, seconds_until_gone, task_process
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, Session, bug_fixed_by
from e2e_stage import Stage
from e2e_world import script_of, write_yaml

from bridle.config.starter import starter_dir
from bridle.ledger.records import SessionRow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WAIT = 60.0
"""Seconds that the second session waits for its model: longer than the restarts take."""
WATCHED = 40.0
"""Seconds of these in which its connections are looked at, at most: a heartbeat is every five."""
HEARTBEATS = 3
"""Whose connections are looked at."""
HEALTHY = (*STORES, "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", *WORKERS)


def patient_session() -> Session:
    """Edits, and is then thought about for a long time."""
    return [
        {"ops": [{"op": "read", "path": "calc.py"}]},
        {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
        {"text": "Fixed.", "delay": WAIT},
    ]


def nothing(stage: Stage) -> None:
    """The test itself is the plot."""


MOVED = Scenario("moved", nothing, script=bug_fixed_by(long_session()))
STORMY = Scenario("stormy", nothing, script=bug_fixed_by(patient_session()))


@dataclass
class Story:
    """What happened."""

    moved: Stage
    stormy: Stage
    lost: str = ""
    """Address of the machine that was lost."""
    stayed: str = ""
    logs: dict[str, str] = field(default_factory=dict)
    """Address of a machine to a log of a task there, as the API server shows it."""
    unhealthy: list[str] = field(default_factory=list)
    kept: str = ""
    """What the ledger's keeper said."""
    seconds_until_gone: float = 0
    looks: int = 0
    """How often it was looked what the task of the waiting session is connected to."""
    seen: dict[int, list[float]] = field(default_factory=dict)
    """Its connections to a database by their local port; when each was seen."""
    gone: set[int] = field(default_factory=set)
    """Those of them after which it was seen to have none."""
    transactions: Counter[str] = field(default_factory=Counter)
    """How often each of the ledger's transactions was seen meanwhile."""


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """The whole of it."""
    require_programs()
    with TemporaryDirectory(prefix="bridle-e2e-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        stages = [Stage(scenario, folder / scenario.name) for scenario in (MOVED, STORMY)]
        entries = {stage.scenario.name: stage.entry for stage in stages}
        env = {
            "AIRFLOW__BRIDLE__SCRIPT": write_yaml(folder / "script.yaml", script_of((MOVED, STORMY))),
            "AIRFLOW__BRIDLE__REPOSITORIES_FILE": write_yaml(
                folder / "repositories.yaml", {"repositories": entries}
            ),
        }
        starter = starter_dir()
        with machines_of(dags=starter / "dags", include=starter / "include", env=env) as machines:
            for stage in stages:
                stage.enter(machines.info)
            try:
                yield play(machines, Story(*stages))
            finally:
                for stage in stages:
                    stage.leave()


def play(machines: Machines, story: Story) -> Story:
    with ThreadPoolExecutor() as pool:
        health = pool.map(partial(well, machines), HEALTHY)
        story.unhealthy = [name for name, well in zip(HEALTHY, health, strict=True) if not well]
    story.kept = machines.said("bridle-keeper")

    moved = story.moved.start()
    session = session_in_the_middle(story.moved)
    story.lost = host_of(moved, "fix.implement_1")
    (story.stayed,) = set(WORKERS.values()) - {story.lost}
    story.logs[story.lost] = moved.log("fix.implement_1")

    (worker,) = [name for name, address in WORKERS.items() if address == story.lost]
    machines.lose(worker)
    story.seconds_until_gone = seconds_until_gone(str(session.id))

    stormy = story.stormy.start()
    watch_connections(machines, session_that_waits(stormy), story)
    machines.restart("airflow-apiserver")
    machines.postgres.stop(grace_seconds=0)
    time.sleep(3)
    machines.postgres.start()
    machines.wait_until_ready()
    # from now on a lost task is noticed soon: while the API server was away that would have been too soon
    machines.restart("airflow-scheduler", AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT="20")
    for run in (stormy, moved):
        approved(machines, run)
        story.logs[f"{story.stayed} {run.run_id}"] = run.log("fix.implement_1")
    return story


def well(machines: Machines, name: str) -> bool:
    """Whether a service says that it is well, as often as Compose asks before it believes that it is not."""
    return any(machines.healthy(name) for _ in range(5))


def approved(machines: Machines, run: Run) -> None:
    """Answer the run's question as soon as it is asked, and wait for the end."""

    def asked() -> bool:
        machines.tend()
        try:
            return bool(run.airflow.questions(run.dag_id, run.run_id))
        except Exception:  # noqa: BLE001 (the API server is being restarted)
            return False

    eventually(f"{run.run_id} asks", asked, SECONDS)
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def session_that_waits(run: Run) -> SessionRow:
    """The implementing session, once its edit is a checkpoint: from then on it waits for its model."""

    def found() -> SessionRow | None:
        session = next(iter(run.sessions("fix.implement_1")), None)
        return session if session is not None and session.checkpoint else None

    return eventually("a checkpoint", found, SECONDS)


def watch_connections(machines: Machines, session: SessionRow, story: Story) -> None:
    task = task_process(str(session.id))
    databases = machines.database_ports
    # Celery's own connections are open in each process that it forks
    ours = psutil.Process().children(recursive=True)
    inherited = {it.laddr for parent in task.parents() if parent in ours for it in parent.net_connections()}
    until = time.monotonic() + WATCHED
    with psycopg.connect(machines.info.ledger_url, autocommit=True) as observer:
        while len(story.gone) < HEARTBEATS and time.monotonic() < until:
            held = {it.laddr for it in task.net_connections() if it.raddr and it.raddr.port in databases}
            story.looks += 1
            for connection in held - inherited:
                story.seen.setdefault(connection.port, []).append(time.monotonic())
            if not held - inherited:
                story.gone = set(story.seen)
            rows = observer.execute(
                "select format('%s since %s', pid, xact_start) from pg_stat_activity "
                "where datname = 'bridle' and xact_start is not null and pid <> pg_backend_pid()"
            ).fetchall()
            story.transactions.update(told for (told,) in rows)
            time.sleep(0.1)


def host_of(run: Run, task_id: str, try_number: int = 1) -> str:
    """The host name that Airflow has of a try."""
    path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/tries/{try_number}"
    return str(run.airflow._get(path)["hostname"])


def hosts_of(run: Run) -> dict[str, str]:
    """Task to the host of its newest try; only those that ran on a worker."""
    found = run.airflow._get(f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances", limit=100)
    return {it["task_id"]: it["hostname"] for it in found["task_instances"] if it["hostname"]}


def test_every_service_is_well_by_its_own_health_check(story: Story) -> None:
    assert story.unhealthy == []


def test_the_ledgers_keeper_has_done_its_work_and_sleeps(story: Story) -> None:
    assert '"partitions": []' in story.kept


def test_the_steps_of_one_run_were_worked_on_by_both_machines(story: Story) -> None:
    run = story.moved.run
    assert host_of(run, "fix.implement_1", 1) == story.lost
    assert host_of(run, "fix.implement_1", 2) == story.stayed
    assert set(hosts_of(run).values()) <= set(WORKERS.values())


def test_a_lost_machine_takes_its_agent_along(story: Story) -> None:
    """The agent's command sleeps for minutes."""
    assert story.seconds_until_gone < 20


def test_the_other_machine_goes_on_from_the_checkpoint(story: Story) -> None:
    """With the same agent's session and without a second edit: transcript and commit came by the ledger."""
    lost, resumed = story.moved.run.sessions("fix.implement_1")
    assert (lost.outcome, resumed.outcome) == ("lost", "done")
    assert resumed.resumed_from == lost.id
    assert resumed.session_ref == lost.session_ref
    edits = [
        session.id
        for session in (lost, resumed)
        for event in story.moved.ledger.events(session.id)
        if event.kind == "tool_call" and event.payload["tool"] == "Edit"
    ]
    assert edits == [lost.id]


@pytest.mark.parametrize("name", ["moved", "stormy"])
def test_each_issue_comes_to_exactly_one_pull_request_whose_check_passes(story: Story, name: str) -> None:
    stage: Stage = getattr(story, name)
    assert len(stage.pulls()) == 1
    assert stage.branches() == ["bridle/issue-1"]
    assert stage.check_passes("bridle/issue-1")
    assert stage.changes() == []


def test_restarts_of_scheduler_api_server_and_postgres_make_no_step_happen_twice(story: Story) -> None:
    run = story.stormy.run
    assert run.sessions_by_task() == {"investigate": 1, "fix.implement_1": 1, "fix.review_1": 1}
    assert {session.outcome for session in run.sessions()} == {"done"}
    assert set(hosts_of(run).values()) == {story.stayed}


def test_a_session_that_waits_for_its_model_holds_no_connection(story: Story) -> None:
    """Each heartbeat opens one, which is closed after a second without work: none lasts until the next.

    Nor does a transaction, which is an instant; how many looks there are is the machine's own affair.
    """
    assert len(story.gone) >= HEARTBEATS, "it is not without one between two heartbeats"
    kept = [story.seen[port][-1] - story.seen[port][0] for port in story.gone]
    assert min(kept) < 3, "of the five seconds between two heartbeats, each is kept for one"
    assert max(story.transactions.values(), default=0) < story.looks / 2


def test_logs_of_both_machines_are_readable_through_the_api(story: Story) -> None:
    assert {place.split()[0] for place in story.logs} == {story.lost, story.stayed}
    assert [place for place, log in story.logs.items() if "Edit" not in log and "session" not in log] == []
