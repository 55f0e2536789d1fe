"""How fast the dashboard's API is on a large ledger: `python benchmarks/dashboard.py [turns]`.

10,000 runs, 100,000 sessions, 1,000,000 events and 500,000 model calls (see `dashboard_rows.py`), with one
run of 2,000 sessions and one session of 20,000 events; in Airflow besides 20,000 runs that never had a
session. A real API server of Airflow answers one browser's questions, each asked `turns` times (20 by
default). Printed are, for each, the median and the 95th percentile, the size, and which large tables its
statements read without an index, by the plans that Postgres made. Then the first page is opened in a real
browser, and fifty viewers look on at one session.
"""

import asyncio
import json
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import httpx
import psycopg
from dashboard_rows import DAGS, Size, fill_airflow, fill_ledger
from playwright.sync_api import sync_playwright
from sqlalchemy import make_url

from bridle.agents.base import Event, EventKind
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.api_server import ApiServer
from bridle.testing.ledger import session_start

AIM_MS = 200.0
VIEWERS = 50
MANY = 1_000
"""Rows: whoever reads fewer needs no index."""
LARGE = re.compile(r"(event|model_call)_\d{4}_\d\d$|event_default$|model_call_default$")
TABLES = {"session", "spending", "run", "budget", "check_run", "decision", "review", "effect", "effect_past"}
DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for dag_id in {dags!r}:
    with DAG(dag_id, schedule=None) as dag:
        EmptyOperator(task_id="approve")
    globals()[dag_id] = dag
"""
BY = ("day", "dag", "repo", "role", "model", "agent", "user")
BIGGEST = "dag_id=issue_fix&run_id=manual__1"


@dataclass
class Measured:
    """One question."""

    name: str
    path: str
    times_ms: list[float] = field(default_factory=list)
    size: int = 0
    scanned: dict[str, int] = field(default_factory=dict)
    """Large table to rows that were read of it without an index."""
    indexes: set[str] = field(default_factory=set)

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.times_ms, n=20)[-1] if len(self.times_ms) > 1 else self.times_ms[0]


def questions(find: Callable[[str], str]) -> list[Measured]:
    """What pages ask; `find` is one value out of the ledger."""
    long_session = find("SELECT session_id FROM bridle.event GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    session = find("SELECT id FROM bridle.session WHERE run_id = 'manual__777' ORDER BY id LIMIT 1")
    loop = find("SELECT loop_id FROM bridle.loop_round GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    day = find("SELECT max(day) FROM bridle.spending")
    asked = {
        "overview": "overview",
        "overview, 90 days": "overview?days=90",
        "runs": "runs",
        "runs of a DAG": "runs?dag_id=spec_routine",
        "runs of a repository": "runs?repo=repo-3",
        "runs of a loop": f"runs?loop_id={loop}",
        "runs that failed": "runs?state=failed",
        "runs under way": "runs?state=running",
        "runs since a day": f"runs?since={day}T00:00:00Z",
        "runs, a common word": "runs?q=parser",
        "runs, a word of all": "runs?q=fixed",
        "runs, a rare word": "runs?q=number4711",
        "runs, a word of none": "runs?q=nonesuch",
        "runs, page 100": "runs?cursor={cursor}",
        "a run": "run?dag_id=spec_routine&run_id=manual__776",
        "the biggest run": f"run?{BIGGEST}",
        "a run's searches": "run/bisect?dag_id=spec_routine&run_id=manual__776",
        "a run's diff": "run/diff?dag_id=spec_routine&run_id=manual__776",
        "the biggest run's diff": f"run/diff?{BIGGEST}",
        "a session": f"session?id={session}",
        "the longest session": f"session?id={long_session}",
        "its first events": f"session/events?id={long_session}",
        "its last events": f"session/events?id={long_session}&after=19000",
        "sessions of a step": "sessions?dag_id=issue_fix&run_id=manual__777&task_id=step_1",
        "loops": "loops",
        "a loop": f"loop?id={loop}",
        "a loop's searches": f"loop/bisect?id={loop}",
        **{
            f"costs by {by}": f"costs?by={by}"
            for by in ("day", "dag", "repo", "role", "model", "agent", "user")
        },
        "costs of a month": f"costs?by=model&since={day[:8]}01",
        "costs as CSV": "costs.csv?by=repo",
        "as if on one model": "costs/as-if",
        "budgets": "budgets",
        "budgets, a later page": "budgets?cursor=run:issue_fix/manual__5",
        "burn-down of all": "budgets/burn-down?scope=all",
        "burn-down of a day": f"budgets/burn-down?scope=day:{day}",
        "burn-down of a run": "budgets/burn-down?scope=run:issue_fix/manual__1",
        "approvals": "approvals",
        "me": "me",
    }
    return [Measured(name, path) for name, path in asked.items()]


def ask(client: httpx.Client, path: str) -> httpx.Response:
    """One answer."""
    return client.get(f"/bridle/api/{path}").raise_for_status()


def deep_cursor(client: httpx.Client, pages: int) -> str:
    """Where page `pages` of the runs begins."""
    cursor = None
    for _ in range(pages):
        found = ask(client, "runs?limit=50" + (f"&cursor={cursor}" if cursor else "")).json()
        cursor = found["next"]
    return str(cursor)


def measure(client: httpx.Client, asked: list[Measured], turns: int) -> None:
    """Ask everything once, and then in turns: what else the machine does hits all of it alike."""
    for turn in range(turns + 1):
        for each in asked:
            began = time.perf_counter()
            answer = ask(client, each.path)
            if turn:
                each.times_ms.append((time.perf_counter() - began) * 1000)
            each.size = len(answer.content)


def explain(client: httpx.Client, asked: list[Measured], url: str, log: Path) -> None:
    """Ask everything once more, while Postgres writes down its plans."""
    plain = make_url(url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as connection:
        for name, value in {
            "session_preload_libraries": "auto_explain",
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_format": "json",
        }.items():
            connection.execute(f"ALTER DATABASE {plain.database} SET {name} = '{value}'".encode())
        # open connections do not hear of it
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ask(client, "me")
    for each in asked:
        begin = log.stat().st_size
        ask(client, each.path)
        time.sleep(0.1)
        with log.open("rb") as file:
            file.seek(begin)
            for plan in plans(file.read().decode("utf-8", "replace")):
                note(plan, each)


def plans(text: str) -> list[Mapping[str, Any]]:
    """The plans in a piece of Postgres's log."""
    decoder, starts = json.JSONDecoder(), re.finditer(r"plan:\s*(?=\{)", text)
    return [decoder.raw_decode(text, start.end())[0]["Plan"] for start in starts]


def note(plan: Mapping[str, Any], each: Measured) -> None:
    """Write down which large tables a plan reads, and how."""
    table = str(plan.get("Relation Name", ""))
    if "Index Name" in plan:
        each.indexes.add(re.sub(r"_\d{4}_\d\d", "", str(plan["Index Name"])))
    elif plan["Node Type"] == "Seq Scan" and (table in TABLES or LARGE.search(table)):
        name = re.sub(r"_(\d{4}_\d\d|default)$", "", table)
        rows = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
        each.scanned[name] = each.scanned.get(name, 0) + round(rows * plan.get("Actual Loops", 1))
    for child in plan.get("Plans", []):
        note(child, each)


def show(asked: list[Measured]) -> None:
    """The table."""
    print(f"| {'question':<26} | p50 ms | p95 ms |    kB | read without an index |")
    print(f"|{'-' * 28}|-------:|-------:|------:|---|")
    for each in asked:
        large = {name: rows for name, rows in sorted(each.scanned.items()) if rows > MANY}
        scanned = ", ".join(f"{name} ({rows:,})" for name, rows in large.items())
        slow = " **" if each.p95 > AIM_MS else ""
        print(
            f"| {each.name:<26} | {statistics.median(each.times_ms):6.0f} | {each.p95:6.0f} |"
            f" {each.size / 1000:5.0f} | {scanned or 'nothing'} |{slow}"
        )
    missed = [each.name for each in asked if each.p95 > AIM_MS]
    print(f"\n{len(asked) - len(missed)} of {len(asked)} within {AIM_MS:.0f} ms")
    print(f"over it: {', '.join(missed) or 'none'}")


def first_pages(client: httpx.Client, times: int) -> list[float] | None:
    """Milliseconds until somebody in a new browser window sees the first page's figures, and until its lists.

    None where there is no Chromium. Airflow's own page around it is a part of it.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        return None
    url, token = str(client.base_url).rstrip("/"), client.headers["Authorization"].removeprefix("Bearer ")
    took = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(times):
            window = browser.new_context()
            window.add_cookies([{"name": "_token", "value": token, "url": url}])
            page = window.new_page()
            began = time.perf_counter()
            page.goto(f"{url}/plugin/bridle?page=overview", wait_until="commit")
            for part in ("figures", "run-row"):
                page.get_by_test_id(part).first.wait_for()
            took.append((time.perf_counter() - began) * 1000)
            window.close()
        browser.close()
    return took


async def watch(client: httpx.Client, ledger: Ledger, session: UUID) -> list[float]:
    """Milliseconds from each of 30 events to each of the viewers' screens."""
    late: list[float] = []
    ready: list[None] = []

    async def viewer(http: httpx.AsyncClient) -> None:
        params = {"id": str(session)}
        async with http.stream("GET", "/bridle/api/session/stream", params=params) as answer:
            ready.append(None)
            count = 0
            async for line in answer.aiter_lines():
                if line.startswith("data: ") and (at := json.loads(line[6:])["payload"].get("written")):
                    late.append((time.time() - at) * 1000)
                    count += 1
                    if count == 30:
                        return

    headers, limits = {"Authorization": client.headers["Authorization"]}, httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=client.base_url, headers=headers, timeout=120, trust_env=False, limits=limits
    ) as http:
        tasks = [asyncio.create_task(viewer(http)) for _ in range(VIEWERS)]
        while len(ready) < VIEWERS:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        for _ in range(30):
            event = Event(kind=EventKind.TEXT, payload={"written": time.time()})
            await asyncio.to_thread(ledger.record, session, [event])
            await asyncio.sleep(0.2)
        await asyncio.gather(*tasks)
    return late


def main() -> None:
    """Fill, ask, print."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    size = Size()
    with (
        TemporaryDirectory(prefix="bridle-postgres-") as data,
        TemporaryDirectory(prefix="bridle-bench-") as folder,
        Postgres(Path(data), fast=True) as postgres,
    ):
        dags = Path(folder) / "dags"
        dags.mkdir()
        (dags / "bench.py").write_text(DAG.format(dags=(*DAGS, "watch")))
        with ApiServer(postgres, Path(folder) / "state", dags=dags, users={"admin": "admin"}) as server:
            client = server.login("admin")
            for dag_id in (*DAGS, "watch"):
                run = {"dag_run_id": "template", "logical_date": None}
                client.post(f"/api/v2/dags/{dag_id}/dagRuns", json=run).raise_for_status()
            began = time.perf_counter()
            fill_ledger(server.ledger_url, size)
            fill_airflow(server.metadata_url, size.runs)
            print(f"{size}: filled in {time.perf_counter() - began:.0f} s\n", flush=True)

            def find(query: str) -> str:
                url = make_url(server.ledger_url).set(drivername="postgresql")
                with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
                    row = connection.execute(query.encode()).fetchone()
                return str(row[0]) if row else ""

            asked = questions(find)
            cursor = deep_cursor(client, 99)
            for each in asked:
                each.path = each.path.replace("{cursor}", cursor)
            measure(client, asked, turns)
            pages = first_pages(client, 5)
            with Ledger(server.ledger_url) as ledger:
                attempt = Attempt(StepKey("issue_fix", "manual__live", "step_1"), str(new_id()), 1, 0)
                opened = ledger.open_session(session_start(attempt, ledger.take_step(attempt)))
                late = asyncio.run(watch(client, ledger, opened))
            explain(client, asked, server.ledger_url, postgres.log)
            show(asked)
            if pages:
                seen = f"{statistics.median(pages):.0f} ms, at most {max(pages):.0f} ms"
                print(f"first page in a new browser window, Airflow's own included: {seen} (aim 2,000)")
            p95 = statistics.quantiles(late, n=20)[-1]
            print(
                f"event to {VIEWERS} screens: {statistics.median(late):.0f} ms, p95 {p95:.0f} ms (aim 1,000)"
            )
            client.close()


if __name__ == "__main__":
    main()
