"""The local stack, a real one: it starts, it heals, it ends without a trace."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import pytest

from bridle.local.databases import LEDGER_VARIABLE, METADATA_VARIABLE
from bridle.local.environment import MARKER
from bridle.local.pools import make_pools
from bridle.local.ports import free_port
from bridle.local.postgres import Postgres
from bridle.local.rest import AirflowClient
from bridle.local.stack import Stack
from bridle.testing.postgres import fresh_database
from patience import until
from processes import alive, found

pytestmark = pytest.mark.slow

DAG = """
from airflow.sdk import DAG, task

with DAG("hello", schedule=None):
    @task
    def hello():
        print("hello from the stack")

    hello()
"""

ROLES = """
roles:
  writer: {agent: api, model: "openrouter:moonshotai/kimi-k2.6", pool: night}
pools: {night: 3}
providers:
  openrouter: {concurrency: 5}
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with `dags/`, which root's PostgreSQL may enter; what was started in it is ended."""
    with TemporaryDirectory(prefix="bridle-test-") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "dags").mkdir()
        (Path(folder) / "dags" / "hello.py").write_text(DAG)
        (Path(folder) / "include").mkdir()
        (Path(folder) / "include" / "roles.yaml").write_text(ROLES)
        yield Path(folder)
        Stack(Path(folder) / "state").down()


@pytest.fixture
def stack(place: Path) -> Stack:
    """The module's stack, up."""
    stack = Stack(
        place / "state", port=free_port(), dags=place / "dags", include=place / "include", fast=True
    )
    stack.up(tethered=True)
    return stack


def processes(stack: Stack) -> list[psutil.Process]:
    """The supervisor, all that is below it, and whatever else carries the stack's mark."""
    marked = found(lambda it: it.environ().get(MARKER) == str(stack.folder.path))
    supervisor = supervisor_of(stack)
    return list({*marked, supervisor, *supervisor.children(recursive=True)})


def supervisor_of(stack: Stack) -> psutil.Process:
    report = stack.status()
    assert report is not None
    return psutil.Process(report.pid)


def eventually(what: str, look: Callable[[], bool]) -> None:
    until(what, look, 200, pause=0.1)


def client(stack: Stack) -> httpx.Client:
    info = stack.info()
    headers = {"Authorization": f"Bearer {info.token()}"}
    return httpx.Client(base_url=f"{info.url}/api/v2", headers=headers, trust_env=False, timeout=120)


def run_hello(stack: Stack) -> None:
    with client(stack) as api:
        eventually("the DAG is known", lambda: api.get("/dags/hello").status_code == 200)
        run = (
            api.post("/dags/hello/dagRuns", json={"logical_date": None})
            .raise_for_status()
            .json()["dag_run_id"]
        )
        where = f"/dags/hello/dagRuns/{run}"
        eventually("its run succeeds", lambda: api.get(where).json()["state"] == "success")


def test_a_workflow_runs(stack: Stack) -> None:
    run_hello(stack)


def test_a_second_up_says_how_to_reach_the_first(stack: Stack) -> None:
    before = stack.status()
    assert Stack(stack.folder.path).up() == stack.info()
    assert stack.status() == before


def test_without_a_token_nothing_is_answered(stack: Stack) -> None:
    assert httpx.get(f"{stack.info().url}/api/v2/dags", trust_env=False).status_code == 401


def test_every_listener_is_on_the_loopback(stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in processes(stack)
        for connection in connections(process)
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_for_the_owner_only(stack: Stack) -> None:
    secret = [stack.info().password, stack.info().ledger_url.split(":")[2].split("@")[0]]
    for path in stack.folder.path.rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o077:
            text = path.read_bytes()
            assert not any(word.encode() in text for word in secret), path


@pytest.mark.parametrize("name", ["api-server", "scheduler", "postgres"])
def test_a_killed_part_is_started_again_and_workflows_go_on(stack: Stack, name: str) -> None:
    victim, restarts = part(stack, name)
    assert victim is not None
    psutil.Process(victim).kill()
    eventually(
        f"{name} runs again", lambda: part(stack, name)[1] > restarts and part(stack, name)[0] is not None
    )
    eventually("the API server answers", lambda: answers(stack))
    run_hello(stack)


@pytest.mark.parametrize(
    "victims", [processes, lambda stack: [supervisor_of(stack)]], ids=["all", "supervisor"]
)
def test_killed_then_up_on_the_same_data(
    stack: Stack, victims: Callable[[Stack], list[psutil.Process]]
) -> None:
    run_hello(stack)
    before = stack.info()
    old = processes(stack)
    for process in victims(stack):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    eventually("nothing runs", lambda: not stack.running)
    after = stack.up(tethered=True)
    assert after.password == before.password
    with client(stack) as api:
        assert api.get("/dags/hello/dagRuns").json()["total_entries"] > 0
    run_hello(stack)
    assert not [process for process in old if alive(process)]


def test_the_pools_of_roles_yaml_are_made_and_brought_up_to_date(stack: Stack) -> None:
    """A task in a pool that is not there would wait for ever."""
    info = stack.info()

    def slots() -> dict[str, int]:
        with AirflowClient(info.url, token=info.token) as airflow:
            pools = airflow._get("/api/v2/pools")["pools"]
            return {pool["name"]: pool["slots"] for pool in pools if pool["name"] != "default_pool"}

    assert slots() == {"night": 3, "bridle_openrouter": 5}
    scheduler, *_ = found(lambda it: "scheduler" in it.cmdline(), processes(stack))
    make_pools({"night": 4}, scheduler.environ())
    assert slots() == {"night": 4, "bridle_openrouter": 5}


def test_an_up_while_it_goes_down_waits_for_the_end_and_starts_it_again(place: Path, stack: Stack) -> None:
    supervisor_of(stack).terminate()
    eventually("it is about to end", stack._ending)
    again = Stack(
        place / "state", port=free_port(), dags=place / "dags", include=place / "include", fast=True
    )
    said: list[str] = []
    again.up(said.append, tethered=True)
    assert said[0] == "waiting for the stack before to end"
    run_hello(again)


def test_of_two_that_bring_it_up_at_once_one_does_and_both_say_how_to_reach_it(place: Path) -> None:
    both = [
        Stack(place / "at-once", port=port, dags=place / "dags", include=place / "include", fast=True)
        for port in (free_port(), free_port())
    ]
    try:
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(lambda stack: stack.up(), both)
        assert one == other
    finally:
        both[0].down()
    assert not both[1].running


@pytest.mark.parametrize("later", [0.0, 1.0])
def test_a_start_that_is_broken_off_leaves_nothing(place: Path, later: float) -> None:
    """Right after its process was started that has said nothing yet, too: who presses Ctrl-C means it."""
    begun = Stack(place / "broken-off", port=free_port(), dags=place / "dags", fast=True)
    begun.folder.prepare()
    begun._options.write(begun.folder.options)
    begun._launch(tethered=True)  # should it not end, it ends with us
    time.sleep(later)
    begun.down()
    time.sleep(1.0)
    assert not begun.running
    assert not found(lambda it: it.environ().get(MARKER) == str(begun.folder.path))


def test_down_ends_everything(stack: Stack) -> None:
    running = processes(stack)
    assert stack.down()
    assert not [process for process in running if alive(process)]
    assert stack.down() is False


def test_the_users_own_databases_are_used_instead(
    place: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with fresh_database(postgres_server) as metadata, fresh_database(postgres_server) as ledger:
        monkeypatch.setenv(METADATA_VARIABLE, metadata)
        monkeypatch.setenv(LEDGER_VARIABLE, ledger)
        own = Stack(tmp_path / "state", port=free_port(), dags=place / "dags", fast=True)
        try:
            assert own.up(tethered=True).ledger_url == ledger
            run_hello(own)
            assert not own.folder.postgres.exists()
        finally:
            own.down()


def part(stack: Stack, name: str) -> tuple[int | None, int]:
    report = stack.status()
    assert report is not None
    return report.components[name].pid, report.components[name].restarts


def answers(stack: Stack) -> bool:
    try:
        return httpx.get(f"{stack.info().url}/api/v2/version", trust_env=False).is_success
    except httpx.TransportError:
        return False


def connections(process: psutil.Process) -> list[Any]:
    try:
        return process.net_connections()
    except psutil.NoSuchProcess:  # a worker that has ended since they were listed
        return []
