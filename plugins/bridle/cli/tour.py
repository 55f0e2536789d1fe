"""The story of `bridle demo`: set the stage, run the workflow, and check the outcome from outside."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bridle.agents.claude_code import INSTALL
from bridle.cli.follow import Follower
from bridle.cli.narrate import Narrator
from bridle.cli.report import StepCost
from bridle.cli.run import GATE, ISSUE_FIX, start, why_failed
from bridle.cli.steps import Steps
from bridle.cli.watch import Watch
from bridle.config.starter import starter_dir
from bridle.demo.books import Count, differences, journal_count
from bridle.demo.outcome import Verdict, branches, check, diff
from bridle.demo.sample import NAME, Sample
from bridle.errors import ConfigError, SessionFailed, StackError
from bridle.ledger.store import Ledger
from bridle.local.rest import AirflowClient, DagRun, Question
from bridle.local.stack import Stack, StackInfo
from bridle.process.sandbox import Isolation
from bridle.process.strength import detect

ISSUE = 1

END_SECONDS = 8.0
"""How long Airflow may take to end the tasks of a failed run: they notice at their next heartbeat."""


@dataclass(frozen=True)
class Ending:
    """What the demo came to."""

    pull_request: Path
    diff: str
    costs: list[StepCost]
    links: dict[str, str]
    problems: list[str] = field(default_factory=list)
    """What is not as it should be; empty on success."""


class Tour:
    """One demo, from an empty folder to a draft pull request.

    Args:
        console: where it is told.
        state: folder of its stack and its repository.
        port: of the Airflow UI.
        connection: Airflow connection to Anthropic, for real models; None: the script plays them.
        approve: answer the gate without asking the user.
    """

    def __init__(
        self, console: Console, *, state: Path, port: int | None, connection: str | None, approve: bool
    ) -> None:
        self._console = console
        self._steps = Steps(console)
        self._connection = connection
        self._approve = approve
        folder = state.expanduser().resolve()
        self._sample = Sample(folder / "repository")
        self._work = folder / "work"
        self._stack = Stack(
            state,
            port=port,
            dags=starter_dir() / "dags",
            include=starter_dir() / "include",
            env=self._environment(),
        )
        self._info: StackInfo | None = None
        self._main = ""

    @contextmanager
    def stack(self) -> Iterator[None]:
        """Everything that the demo needs, up; ended on the way out, whatever happens.

        Raises:
            ConfigError: Claude Code is not installed; or real models were asked for, and this host has no
                sandbox for them.
            StackError: a demo is up already, or the stack does not start.
        """
        if self._stack.running:
            folder = self._stack.folder.path
            raise StackError(f"a demo is up in {folder}; end it first: bridle down --state {folder}")
        if find_spec("claude_agent_sdk") is None:
            raise ConfigError(INSTALL)
        if self._connection:
            _require_sandbox()
        self._stack.down()  # what a killed demo has left would go on writing to what is laid out now
        self._lay_out()
        try:
            with self._steps.step("Start PostgreSQL and Airflow on this machine") as say:
                self._info = self._stack.up(say, tethered=True)
                say(f"{self._info.url}  (user {self._info.user}, password {self._info.password})")
            self._end_earlier_runs()
            yield
        finally:
            self._stack.down()

    def run(self) -> Ending:
        """Run the workflow for issue 1 and look at what it came to.

        Raises:
            SessionFailed: the run failed; the message has the first task that did, and why.
        """
        info = self._started()
        with AirflowClient(info.url, token=info.token) as airflow:
            conf = {"repo": NAME, "issue": ISSUE, "approvals": [GATE]}
            run = start(airflow, ISSUE_FIX, conf, label=f"{NAME}-{ISSUE}")
            self._console.print(f"     [dim]{airflow.run_url(run.dag_id, run.run_id)}[/]", soft_wrap=True)
            with Watch(info.ledger_url, run.dag_id, run.run_id) as watch:
                run = self._follow(airflow, watch, run)
                if run.state == "failed":
                    raise SessionFailed(f"{why_failed(airflow, run)}\nlogs: {info.logs}")
                return self._look(airflow, watch, run)

    @property
    def _journal(self) -> Path:
        """Where a scripted model keeps its own count."""
        return self._work / "script.journal.jsonl"

    def _lay_out(self) -> None:
        self._journal.unlink(missing_ok=True)
        with self._steps.step(
            f"Make a small git repository, {NAME}, with a bug and an issue about it"
        ) as say:
            self._main = self._sample.reset()
            say(f"{self._sample.remote}  main is {self._main[:10]}")
        with self._steps.step("Run its tests on main: they must fail before, to prove anything after") as say:
            before = check(self._sample, "main")
            say(_tests(before))
            if before.passed or not before.failed_tests:
                raise StackError(f"the demo's tests do not run here as they should: {before.last_line}")

    def _end_earlier_runs(self) -> None:
        """Airflow would take up again what an interrupted demo left, on the same issue and branch."""
        info = self._started()
        with AirflowClient(info.url, token=info.token) as airflow:
            left = [run for run in airflow.runs(ISSUE_FIX, limit=100) if not run.ended]
            if not left:
                return
            with (
                self._steps.step("End the run of a demo that was interrupted") as say,
                _ledger(info) as ledger,
            ):
                for run in left:
                    say(run.run_id)
                    ledger.request_stop(f"run:{run.dag_id}/{run.run_id}", "bridle demo")
                    airflow.fail_run(run.dag_id, run.run_id)
                time.sleep(END_SECONDS)
                self._journal.unlink(missing_ok=True)
                self._sample.reset()

    def _follow(self, airflow: AirflowClient, watch: Watch, run: DagRun) -> DagRun:
        def asked(question: Question) -> None:
            info = self._started()
            self._console.print(f"       [bold]{escape(question.subject)}[/]", soft_wrap=True)
            if self._approve:
                airflow.answer(question, "Approve", feedback="approved by `bridle demo --approve`")
                self._console.print("       approved by --approve")
                return
            self._console.print(
                f"       [bold yellow]Waiting for you[/]: {airflow.question_url(question)}\n"
                f"       user [bold]{info.user}[/], password [bold]{info.password}[/]\n"
                f"       or, in another terminal: bridle approve --state {info.state}",
                soft_wrap=True,
            )

        narrator = Narrator(self._steps.number)
        ended = Follower(airflow, watch, self._console, asked, narrator).follow(run.dag_id, run.run_id)
        self._steps.number = narrator.number
        return ended

    def _look(self, airflow: AirflowClient, watch: Watch, run: DagRun) -> Ending:
        with self._steps.step("Look at the outcome from outside") as say:
            pulls, heads = sorted(self._sample.pulls.glob("*.md")), branches(self._sample)
            if len(pulls) != 1 or len(heads) != 1:
                raise SessionFailed(
                    f"one pull request was to be opened, and there are {len(pulls)} in {self._sample.pulls}, "
                    f"with the branches {', '.join(heads) or 'none'}; was it rejected?"
                )
            after = check(self._sample, heads[0])
            say(f"{heads[0]}, checked out afresh: {_tests(after)}")
            costs = watch.costs(airflow.tasks(run.dag_id, run.run_id))
            problems = self._problems(after, costs)
            if self._connection is None and not problems:
                say("the ledger's tokens are what the scripted model counted, step by step and in sum")
        info = self._started()
        links = {
            "run": airflow.run_url(run.dag_id, run.run_id),
            "pull request": str(pulls[0]),
            "repository": str(self._sample.remote),
            "task logs": str(info.logs / "tasks"),
        }
        return Ending(pulls[0], diff(self._sample, heads[0]), costs, links, problems)

    def _problems(self, after: Verdict, costs: list[StepCost]) -> list[str]:
        problems = [] if after.passed else [f"the branch {after.revision} fails the tests: {_tests(after)}"]
        if self._sample.tip("main") != self._main:
            problems.append("main has moved, and nothing was to be pushed to it")
        if self._connection is None:
            ledger = {
                step.name: Count(step.calls, step.usage.input_tokens, step.usage.output_tokens)
                for step in costs
            }
            problems += differences(ledger, journal_count(self._journal))
        return problems

    def _environment(self) -> Mapping[str, str]:
        env = {
            "AIRFLOW__BRIDLE__HOME": str(self._work),
            "AIRFLOW__BRIDLE__REPOSITORIES_FILE": str(self._sample.allow_list),
        }
        if self._connection:
            live = {
                "AIRFLOW__BRIDLE__GATEWAY_MODE": "live",
                "AIRFLOW_CONN_BRIDLE_ANTHROPIC": self._connection,
                "AIRFLOW__BRIDLE__ROLES_FILE": str(starter_dir() / "include" / "roles.anthropic.yaml"),
            }
            return env | live
        return env | {
            "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
            "AIRFLOW__BRIDLE__SCRIPT": str(self._sample.script),
        }

    def _started(self) -> StackInfo:
        if self._info is None:
            raise StackError("the demo's stack is not up; run the tour within `Tour.stack()`")
        return self._info


def _ledger(info: StackInfo) -> Ledger:
    return Ledger(info.ledger_url, spool=info.state / "spool")


def _tests(verdict: Verdict) -> str:
    if verdict.passed:
        return f"passed ({verdict.last_line})"
    return f"failed: {', '.join(verdict.failed_tests) or verdict.last_line}"


def _require_sandbox() -> None:
    if Isolation.SANDBOX in detect().works or os.environ.get("AIRFLOW__BRIDLE__ALLOW_UNSANDBOXED"):
        return
    raise ConfigError(
        f"--live lets a real model run commands here, and this host has no sandbox for it "
        f"({detect().reasons[Isolation.SANDBOX]}). Install bubblewrap, or say so in words: "
        "AIRFLOW__BRIDLE__ALLOW_UNSANDBOXED=True bridle demo --live"
    )
