"""One Airflow for all scenarios, of which some are played side by side."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from e2e_processes import eventually
from e2e_scenario import Scenario
from e2e_stage import Stage

from bridle.config.starter import starter_dir
from bridle.local.rest import AirflowClient
from bridle.local.stack import StackInfo
from bridle.testing.stack import running_stack
from bridle.testing.trace_receiver import TraceReceiver

AT_ONCE = 6
"""Plots that are played side by side: more would wait for each other longer than they are patient."""
WEBHOOK_SECRET = "what GitHub signs with"
WORKFLOWS = (
    "issue_fix",
    "issue_watch",
    "spec_routine",
    "goal_loop",
    "bridle_bisect",
    "bridle_budget",
    "bridle_sweeper",
    "human_label",
    "measured",
)
UNKNOWN_ROLE = '''
"""A workflow with a mistake: nobody plays its role."""
from airflow.sdk import DAG
from bridle import AgentSessionOperator

with DAG("unknown_role", schedule=None):
    AgentSessionOperator(task_id="ask", role="wizard", prompt="plan.md")
'''
HUMAN_LABEL = '''
"""A question that no model is sure of."""
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from bridle import LLMClassifyOperator

with DAG("human_label", schedule=None):
    kind = LLMClassifyOperator(
        task_id="kind",
        role="explorer",
        prompt="classify_issue.md",
        inputs={"issue": {"title": "t", "text": "x"}},
        labels={"bug": "It is broken.", "feature": "It is missing."},
        branches={"bug": "fix", "feature": "build"},
    )
    kind >> [EmptyOperator(task_id="fix"), EmptyOperator(task_id="build")]
'''
MEASURED = '''
"""Work on a model and with a check that nothing else here has, a question, and a comment."""
from airflow.sdk import DAG
from bridle import AgentSessionOperator, CommentOperator, HumanApprovalSensor

with DAG("measured", schedule=None, params={"repo": "measured", "issue": 1}):
    fix = AgentSessionOperator(
        task_id="measured_fix",
        role="explorer",
        model="anthropic:claude-sonnet-4-5",
        fallback=["anthropic:claude-haiku-4-5"],
        access="write",
        prompt="investigate.md",
        inputs={"issue": {"text": "add subtracts"}},
        check="measured",
        max_rounds=2,
    )
    approve = HumanApprovalSensor(task_id="approve", commit=fix.output["commit"], base=fix.output["base"])
    said = {"answer": {"answer": "Done."}}
    comment = CommentOperator(task_id="comment", number="{{ params.issue }}", body="answer.md", inputs=said)
    fix >> approve >> comment
'''


class World:
    """Airflow, and every scenario that was asked for, being played."""

    def __init__(self, info: StackInfo, stages: Sequence[Stage], receiver: TraceReceiver) -> None:
        self.info = info
        self.receiver = receiver
        self.stages = {stage.scenario.name: stage for stage in stages}
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="plot")
        self._plots: dict[str, Future[None]] = {}
        for stage in stages:
            stage.enter(info)
            self._plots[stage.scenario.name] = self._pool.submit(stage.scenario.plot, stage)

    def played(self, scenario: Scenario) -> Stage:
        """The stage of a scenario after its plot has come to its end."""
        self._plots[scenario.name].result()
        return self.stages[scenario.name]

    def left_over(self) -> set[str]:
        """Folders of sessions and checks that are still there, but for those of killed tasks."""
        killed = {
            str(session.id)
            for stage in self.stages.values()
            for run in stage.runs
            for session in run.sessions()
            if session.outcome == "lost"
        }
        return {path.name for path in (self.info.state / "work" / "sessions").glob("*")} - killed

    def end(self) -> None:
        """Wait for every plot."""
        self._pool.shutdown()

    def close(self) -> None:
        """Let go of everything."""
        for stage in self.stages.values():
            stage.leave()


@contextmanager
def world_of(scenarios: Sequence[Scenario]) -> Iterator[World]:
    """Lay everything out, start Airflow, and let the plots begin; everything is gone afterwards."""
    with (
        TemporaryDirectory(prefix="bridle-e2e-") as place,
        TraceReceiver(Path(place) / "received") as receiver,
    ):
        folder = Path(place)
        folder.chmod(0o711)
        stages = [Stage(scenario, folder / scenario.name) for scenario in scenarios]
        env = {
            "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
            "AIRFLOW__BRIDLE__SCRIPT": write_yaml(folder / "script.yaml", script_of(scenarios)),
            "AIRFLOW__BRIDLE__REPOSITORIES_FILE": write_yaml(
                folder / "repositories.yaml",
                {"repositories": {stage.scenario.name: stage.entry for stage in stages}},
            ),
            "AIRFLOW__BRIDLE__CHECKPOINT_SECONDS": "1",
            "AIRFLOW_CONN_BRIDLE_WEBHOOK": f'{{"conn_type": "generic", "password": "{WEBHOOK_SECRET}"}}',
            # a busy machine is no reason to give a task up
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "AIRFLOW__METRICS__METRICS_ALLOW_LIST": r"^bridle\.",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "AIRFLOW__TRACES__OTEL_ON": "True",
            "OTEL_TRACES_EXPORTER": "otlp_proto_http",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        }
        with running_stack(dags=_dags(folder / "dags"), include=starter_dir() / "include", env=env) as info:
            _wait_for_workflows(info)
            world = World(info, stages, receiver)
            try:
                yield world
            finally:
                world.end()
                world.close()


def script_of(scenarios: Sequence[Scenario]) -> dict[str, object]:
    """One script for all: a classifying session has no repository, so its key has none."""
    return {
        task if task in ("classify", "kind") else f"{task}@{scenario.name}": sessions
        for scenario in scenarios
        for task, sessions in scenario.script.items()
    }


def _dags(folder: Path) -> Path:
    shutil.copytree(starter_dir() / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "unknown_role.py").write_text(UNKNOWN_ROLE)
    (folder / "human_label.py").write_text(HUMAN_LABEL)
    (folder / "measured.py").write_text(MEASURED)
    return folder


def write_yaml(path: Path, content: object) -> str:
    """Write a file; returns where, for a setting."""
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


def _wait_for_workflows(info: StackInfo) -> None:
    with AirflowClient(info.url, token=info.token) as airflow:
        eventually("the workflows are parsed", lambda: all(map(airflow.has_dag, WORKFLOWS)), 240)
