"""What every operator shares: the attempt's identity, clear failures, an end to everything on kill."""

import threading
from abc import abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from bridle.errors import BridleError, Transient
from bridle.operators.links import RunLink, push_links
from bridle.operators.retry import retried

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step
    from bridle.telemetry.measures import Stats

_METRICS = ("otel_on", "statsd_on", "statsd_datadog_enabled")
"""Airflow's options in `[metrics]` that turn them on."""


class StopFlag(threading.Event):
    """An event that can be copied with its operator, as Airflow does: the copy starts unset."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "StopFlag":
        return StopFlag()

    def __reduce__(self) -> tuple[type["StopFlag"], tuple[()]]:
        return StopFlag, ()


class BridleOperator(BaseOperator):
    """A step: subclasses say in `work` what it does; its result is pushed to XCom key by key."""

    operator_extra_links: Collection[BaseOperatorLink] = (RunLink(),)

    def __init__(self, **kwargs: Any) -> None:
        # what it says to Airflow: a key of a step that was skipped is None downstream, and no error
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**retried(kwargs))
        self._stop = StopFlag()
        self.ended_with: StepResult | None = None

    @abstractmethod
    def work(self, step: "Step", context: "Context") -> "StepResult":
        """Do the step's work.

        Raises:
            BridleError: see `bridle.errors`; `Transient` ones are retried by Airflow, all else fails at once.
        """

    def execute(self, context: "Context") -> None:
        with failing_clearly(), step_of(context, self._stop) as step:
            self.ended_with = self.work(step, context)
            push(context, step, self.ended_with)

    def on_kill(self) -> None:
        self._stop.set()


@contextmanager
def step_of(context: "Context", stop: threading.Event) -> Iterator["Step"]:
    """Open the step that `context` is an attempt of."""
    from bridle.config.settings import Settings
    from bridle.harness.step import open_step
    from bridle.ledger.records import Attempt, StepKey
    from bridle.process.guard import guard_task

    guard_task()
    ti, task, params = context["ti"], context["task"], context["params"]
    push_links(ti, task.operator_extra_links, task)
    # a DAG with this parameter is a loop: without a value, the run is the first of one that has its name
    loop_id = (params["loop_id"] or ti.run_id) if "loop_id" in params else None
    attempt = Attempt(
        step=StepKey(ti.dag_id, ti.run_id, ti.task_id, -1 if ti.map_index is None else ti.map_index),
        ti_id=str(ti.id),
        try_number=ti.try_number,
        generation=ti.max_tries,
        loop_id=loop_id,
        loop_round=None if loop_id is None else int(params.get("round") or 1),
    )
    budget = params.get("budget_usd")
    with open_step(
        attempt,
        settings=Settings.load().for_run(context["dag_run"].conf or {}),
        beside=Path(context["dag"].fileloc).parent,
        budget_usd=None if budget is None else Decimal(str(budget)),
        budget_tokens=params.get("budget_tokens"),
        stop=stop,
        stats=stats_in_force(),
    ) as step:
        try:
            yield step
        except BridleError as error:
            # agents wrote part of it, and Airflow masks only what it knows itself
            error.args = (step.ledger.redactor.text(str(error)),)
            raise


def stats_in_force() -> "Stats | None":
    """Airflow's metrics; None where none are sent: what it would cost to count can then be saved."""
    from airflow.sdk.configuration import conf

    if not any(conf.getboolean("metrics", option) for option in _METRICS):
        return None
    from airflow.sdk.observability import stats

    if conf.getboolean("metrics", "statsd_datadog_enabled"):  # Airflow's own order of preference
        tagged = conf.getboolean("metrics", "statsd_datadog_metrics_tags", fallback=True)
    elif conf.getboolean("metrics", "statsd_on"):
        tagged = conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False)
    else:
        return stats
    from bridle.telemetry.statsd import Statsd

    return Statsd(stats, tagged=tagged)


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn what must not be retried into Airflow's own word for it."""
    try:
        yield
    except Transient:
        raise
    except BridleError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def push(context: "Context", step: "Step", result: "StepResult") -> None:
    """Push each field of `result`, redacted, under its own key: `step.output["commit"]` works downstream."""
    for key, value in result.xcom().items():
        context["ti"].xcom_push(key=key, value=step.ledger.redactor.value(value))
