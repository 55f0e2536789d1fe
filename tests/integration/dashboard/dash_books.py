"""A ledger in which everything has happened that a page shows, written through the ledger's own door.

Retries, failed attempts, fallbacks to another model, cached tokens, unknown prices, answers that never came,
stops, several days, mapped tasks, cleared tasks, loops; in `open_dag`, and some of it in `closed_dag`.
"""

import random
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa

from bridle.agents.base import Event, EventKind
from bridle.errors import ProviderDown, SessionFailed
from bridle.ledger.ids import new_id
from bridle.ledger.records import Allowances, Attempt, CallRequest, Cap, Fence, Price, StepKey, Usage
from bridle.ledger.store import Ledger
from bridle.testing.ledger import session_start

SECRET = "hunter2-hunter2-hunter2"
"""What the ledger's door knows and takes out; it is put into every text that goes in."""
DAY = Cap(usd=Decimal(50))
ALLOWED = Allowances(day=DAY, dag_day=DAY, run=Cap(usd=Decimal(9)), step=Cap(tokens=900_000))
FOREIGN = "zyzzyva"
"""A word in every text of `closed_dag`."""
PATCH = """diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -1,2 +1,3 @@
 one
-two
+two and a half
+three \x0c+not a line of its own
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-gone
"""


@dataclass(frozen=True)
class Opened:
    """A session at work."""

    attempt: Attempt
    fence: Fence
    id: UUID


class Books:
    """Writes it all.

    Args:
        airflow: the API server.
        admin: a client of it, who triggers the runs.
    """

    def __init__(self, airflow, admin):
        self.airflow = airflow
        self._admin = admin
        self._random = random.Random(6)
        self.ledger = Ledger(airflow.task_url)
        self.ledger.redactor.add(SECRET)
        self._owner = sa.create_engine(airflow.ledger_url, poolclass=sa.pool.NullPool)
        self._airflows = sa.create_engine(airflow.metadata_url, poolclass=sa.pool.NullPool)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.ledger.close()

    def sql(self, statement, **values):
        """Rows of the ledger, by plain SQL."""
        with self._owner.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def airflow_sql(self, statement, **values):
        """Rows of Airflow's database."""
        with self._airflows.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def write(self):
        """Everything."""
        self._fixed_run()
        self._failed_run()
        self._live_run()
        self._old_run()
        self._foreign_run()
        self._gone_run()
        self._loop("loop-open", "open_dag", "a goal")
        self._loop("loop-closed", "closed_dag", f"a {FOREIGN} goal")
        self.ledger.request_stop("run:closed_dag/hidden", "human:ada")

    def open(self, run, task, *, dag="open_dag", map_index=-1, again=(1, 0), loop=(None, None), **fields):
        """A session that begins; `again` is its try and its generation, `loop` the loop and its round."""
        attempt = Attempt(StepKey(dag, run, task, map_index), str(new_id()), *again, *loop)
        fence = self.ledger.take_step(attempt)
        values = {"repo": "demo", "base_commit": "a" * 40, "prompt": f"Do {task}. {SECRET} {self._word(dag)}"}
        start = session_start(attempt, fence, **{**values, **fields})
        return Opened(attempt, fence, self.ledger.open_session(start))

    def call(self, session, *, cost="0.01", usage="some", asked=None, answered=None, http=200, settled=True):
        """One model call: `usage` and `cost` None are unknown."""
        provider, model = asked or ("anthropic", "claude-haiku-4-5")
        request = CallRequest(
            session_id=session.id,
            fence=session.fence,
            scopes=(f"loop:{session.attempt.loop_id}",) if session.attempt.loop_id else (),
            dialect="anthropic-messages",
            model=model,
            estimated_tokens=self._random.randint(2_000, 9_000),
            estimated_usd=Decimal(self._random.randint(1, 500)) / 1000,
            request_bytes=self._random.randint(1_000, 90_000),
            provider=provider,
        )
        call = self.ledger.reserve(request)
        if not settled:
            return call
        number = self._random.randint
        cached = number(0, 500)
        some = Usage(cached * 2 + number(10, 900), number(1, 300), cached, cached // 3, number(0, 9))
        odd = Decimal(number(0, 99)) / 9973
        self.ledger.settle(
            call,
            usage=some if usage == "some" else usage,
            price=Price(None if cost is None else Decimal(cost) + odd),
            status="ok" if http == 200 else "error",
            http_status=http,
            answered_model=answered,
            latency_ms=5,
            first_byte_ms=2,
        )
        return call

    def close(self, session, outcome="done", **fields):
        """The session's end."""
        summary = f"It is {outcome}: {SECRET} {self._word(session.attempt.step.dag_id)}"
        self.ledger.close_session(session.id, outcome=outcome, summary=summary, turns=2, **fields)

    def work(self, session, *, tools=3):
        """Some events: each tool twice, the second time in vain."""
        events = [Event(kind=EventKind.STARTED), Event(kind=EventKind.TEXT, payload={"text": SECRET})]
        for number in range(tools):
            for ok in (True, False):
                given = {"file_path": f"src/{number}.py", "why": self._word(session.attempt.step.dag_id)}
                call = {"id": f"{number}{ok}", "tool": "Read", "input": given}
                events.append(Event(kind=EventKind.TOOL_CALL, payload=call))
                result = {"id": call["id"], "tool": "Read", "ok": ok, "text": "…"}
                events.append(Event(kind=EventKind.TOOL_RESULT, payload=result))
        self.ledger.record(session.id, events)

    def check(self, session, passed):
        self.ledger.record_check(
            session.attempt,
            session.id,
            round=1,
            name="tests",
            command="make test",
            commit="b" * 40,
            exit_code=0 if passed else 1,
            seconds=1.5,
            tail=f"{SECRET} {self._word(session.attempt.step.dag_id)}",
            artifact=None,
            timed_out=False,
        )

    def decide(self, session, what, by):
        self.ledger.decide(
            session.attempt,
            what=what,
            options=["bug", "feature"],
            choice="bug",
            why=f"{SECRET} {self._word(session.attempt.step.dag_id)}",
            confidence=0.9,
            by=by,
        )

    def triggered(self, run, *, dag="open_dag", state="queued", client=None):
        """A run of Airflow, by its REST API."""
        client = client or self._admin
        path = f"/api/v2/dags/{dag}/dagRuns"
        client.post(path, json={"dag_run_id": run, "logical_date": None}).raise_for_status()
        if state != "queued":
            client.patch(f"{path}/{run}", json={"state": state}).raise_for_status()

    def review(self, run, *, dag="open_dag"):
        """A review that is open."""
        attempt = Attempt(StepKey(dag, run, "approve"), str(new_id()), 1, 0)
        patch = self.ledger.put_artifact(PATCH, "text/x-diff")
        return self.ledger.open_review(
            attempt,
            subject=f"Publish {self._word(dag)}?",
            commit="b" * 40,
            patch_hash="h",
            snapshot={"diff": patch},
        )

    def ask(self, run, *, dag="open_dag"):
        """An open review, and the question that Airflow waits with, as `HumanApprovalSensor` asks it."""
        self.review(run, dag=dag)
        (task,) = self.airflow_sql(
            "update task_instance set state = 'awaiting_input' "
            "where dag_id = :dag and run_id = :run and task_id = 'approve' returning id",
            dag=dag,
            run=run,
        )
        self.airflow_sql(
            "insert into hitl_detail "
            "(ti_id, options, subject, body, multiple, params, params_input, created_at) values "
            "(:id, '[\"Approve\", \"Reject\"]', :word, :word, false, :params, '{}', now())",
            params='{"feedback": ""}',
            id=task["id"],
            word=f"Publish {self._word(dag)}?",
        )

    def shift(self, run, days, *, dag="open_dag"):
        """Let a run have been some days ago: the ledger's clock is the database's own."""
        where = "dag_id = :dag and run_id = :run"
        ago = f"- interval '{days} days'"
        values = {"dag": dag, "run": run}
        self.sql(
            f"update bridle.session set opened_at = opened_at {ago}, closed_at = closed_at {ago} "
            f"where {where}",
            **values,
        )
        self.sql(
            f"update bridle.model_call set reserved_at = reserved_at {ago} "
            f"where session_id in (select id from bridle.session where {where})",
            **values,
        )
        self.sql(
            f"update bridle.run set opened_at = opened_at {ago}, last_at = last_at {ago} where {where}",
            **values,
        )

    def _word(self, dag):
        return FOREIGN if dag == "closed_dag" else "plain"

    def _fixed_run(self):
        run = "fixed"
        self.triggered(run, state="success")
        first = self.open(run, "classify", role="classifier", agent="api")
        self.decide(first, "label", "model:classifier")
        self.ledger.open_budgets(first.attempt, ALLOWED)
        self.call(first)
        self.close(first)
        lost = self.open(run, "implement", agent="claude-code")
        self.call(lost, answered="claude-haiku-4-5-20251001")
        self.call(lost, settled=False)  # given up with its session
        self.work(lost)
        self.ledger.checkpoint(lost.id, "c" * 40)
        self.close(lost, "lost", reason="its process vanished", transcript=b"so far")
        again = self.open(run, "implement", again=(2, 0), agent="claude-code", resumed_from=lost.id)
        self.call(again, usage=None, cost=None, http=529)
        self.call(again, asked=("openai", "gpt-5-mini"), answered="gpt-5-mini-2025-08-07")
        self.call(again, cost=None, asked=("own", "secret-model"))
        self.call(again, usage=None, cost=None, http=None)
        self.call(again, usage=Usage(150_000, 900, 120_000, 4_000, 100), cost="0.4")
        self.work(again)
        self.check(again, False)
        self.close(again, "done", commit="d" * 40, diff=PATCH, result={"said": SECRET})
        second = self.open(run, "implement", again=(2, 0), round=2, agent="claude-code")
        self.call(second)
        self.check(second, True)
        self.close(second, "done", commit="b" * 40, diff=PATCH)
        cleared = self.open(run, "implement", again=(3, 2), agent="claude-code")
        self.call(cleared)
        self.close(cleared, "refused", reason=f"no: {SECRET}")
        for index in range(3):
            mapped = self.open(run, "work", map_index=index, role="explorer", model="small")
            self.call(mapped)
            self.close(mapped)
        self.decide(cleared, "publish", "human:ada")
        review = self.review(run)
        self.ledger.answer_review(review, decision="reject", by="human:ada", feedback=SECRET)
        self._publish(cleared, "v1")
        self.ask(run)

    def _publish(self, session, version):
        """Open the one pull request of all runs, or bring it up to date."""
        key, url = "pr:demo#1", f"https://forge.test/demo/pull/1#{version}"
        self.ledger.effect_intend(session.attempt, session.fence, key, version, "pull_request", "demo")
        self.ledger.effect_done(key, {"version": version, "url": url, "data": {}})

    def _failed_run(self):
        run = "failed"
        self.triggered(run, state="failed")
        session = self.open(run, "implement", repo=None)
        self.call(session, cost=None)
        self.ledger.record_failure(session.attempt, ProviderDown("529"))
        self.ledger.record_failure(session.attempt, SessionFailed("its budget is spent"))
        self.ledger.record_failure(session.attempt, SessionFailed("no round came to a reviewed commit"))
        self.close(session, "limit", reason="its budget is spent")
        self.ledger.request_stop(f"run:open_dag/{run}", f"human:{SECRET}")
        self.shift(run, 3)

    def _live_run(self):
        run = "live"
        self.triggered(run)
        self.live = self.open(run, "implement", role="orchestrator")
        self.call(self.live)
        self.call(self.live, settled=False)
        self.work(self.live)

    def _old_run(self):
        session = self.open("forgotten", "implement", repo="other")
        self.call(session)
        self.call(session, asked=("openai", "gpt-5"))
        self.close(session)
        self._publish(session, "v2")  # after the fixed run
        self.shift("forgotten", 40)

    def _foreign_run(self):
        run = "hidden"
        self.triggered(run, dag="closed_dag")
        self.hidden = self.open(run, "implement", dag="closed_dag", repo=f"{FOREIGN}/repo", role=FOREIGN)
        self.call(self.hidden, asked=(FOREIGN, FOREIGN), cost="7")
        self.work(self.hidden)
        self.check(self.hidden, False)
        self.decide(self.hidden, "label", f"human:{FOREIGN}")
        self.ledger.open_budgets(self.hidden.attempt, ALLOWED)
        self.close(self.hidden, diff=PATCH.replace("src/a.py", f"{FOREIGN}.py"))
        self.ask(run, dag="closed_dag")

    def _gone_run(self):
        """Of a DAG that Airflow does not know any more."""
        session = self.open("gone", "implement", dag="gone_dag")
        self.call(session)
        self.close(session)

    def _loop(self, name, dag, goal):
        self.ledger.open_loop(
            name,
            dag_id=dag,
            goal=f"{goal} {SECRET}",
            repo="demo",
            base="a" * 40,
            branch="b",
            params={"max_rounds": 3},
            hours=4,
        )
        self.ledger.set_budget(f"loop:{name}", cap_usd=Decimal(5), cap_tokens=None, by="params")
        criteria = [{"name": "tests", "passed": False, "failing": ["t1"], "passing": [], "tail": SECRET}]
        start = self.ledger.open_round(name, 0, run_id=f"{name}-r1", base="a" * 40)
        self.ledger.note_round(start, checks=criteria)
        for number in (1, 2):
            self._round(name, dag, number, criteria)

    def _round(self, name, dag, number, criteria):
        run = f"{name}-r{number}"
        row = self.ledger.open_round(name, number, run_id=run, base="a" * 40)
        chief = self.open(run, "orchestrate", dag=dag, role="orchestrator", loop=(name, number))
        self.call(chief)
        self.close(chief)
        tasks = [{"title": f"t{index}", "prompt": "p", "files": ["a"], "why": "w"} for index in range(2)]
        delivered = []
        for index in range(2):
            worker = self.open(run, "worker", dag=dag, map_index=index, loop=(name, number))
            self.call(worker, cost=None if (number, index) == (2, 1) else "0.02")
            self.close(worker)
            delivered.append({"title": f"t{index}", "status": "merged", "session": str(worker.id)})
        self.ledger.note_round(
            row,
            decision={"why": self._word(dag)},
            dispatched=tasks,
            delivered=delivered[:number],
            checks=criteria,
        )
        if number == 1:
            self.ledger.close_round(row, verdict="next", reason="go on", tokens=1, cost_usd=None)
