"""Buttons on a task's page in Airflow: where to look further.

Airflow keeps a link as an XCom of the task and writes it when the task has ended. Steps write theirs when
they begin as well, so that a session can be watched while it works.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class SessionLink(BaseOperatorLink):
    """The step's sessions: transcript, checks, files, what it cost."""

    name = "Bridle session"

    def get_link(self, operator: "BaseOperator", *, ti_key: "TaskInstanceKey") -> str:
        """The tab on the task's own page."""
        return f"{_task(ti_key)}/plugin/bridle-session"


class RunLink(BaseOperatorLink):
    """The run: its time axis, decisions and diff."""

    name = "Bridle run and diff"

    def get_link(self, operator: "BaseOperator", *, ti_key: "TaskInstanceKey") -> str:
        """The tab on the run's page."""
        return f"{_run(ti_key)}/plugin/bridle-run"


class ApprovalLink(BaseOperatorLink):
    """Where a human answers."""

    name = "Bridle approval"

    def get_link(self, operator: "BaseOperator", *, ti_key: "TaskInstanceKey") -> str:
        """Airflow's own tab."""
        return f"{_task(ti_key)}/required_actions"


class PullRequestLink(BaseOperatorLink):
    """What the step opened, or brought up to date."""

    name = "Pull request"

    def get_link(self, operator: "BaseOperator", *, ti_key: "TaskInstanceKey") -> str:
        """Its address at the forge; empty when there is none that a browser opens."""
        made = getattr(operator, "ended_with", None)
        url = str((made.result or {}).get("url", "")) if made else ""
        return url if url.startswith(("https://", "http://")) else ""


def push_links(ti: Any, links: "Iterable[BaseOperatorLink]", operator: Any) -> None:
    """Make a task's links work from now on.

    Args:
        ti: the running task instance.
        links: those of `operator`; one that leads nowhere yet is left out.
        operator: the task.
    """
    for link in links:
        if url := link.get_link(operator, ti_key=ti):
            ti.xcom_push(key=link.xcom_key, value=url)


def _run(key: "TaskInstanceKey") -> str:
    from airflow.configuration import conf

    # behind a proxy Airflow may live below a path; its host is the one that the browser is at already
    root = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{root}/dags/{quote(key.dag_id, safe='')}/runs/{quote(key.run_id, safe='')}"


def _task(key: "TaskInstanceKey") -> str:
    index = key.map_index
    mapped = f"/mapped/{index}" if index is not None and index >= 0 else ""
    return f"{_run(key)}/tasks/{quote(key.task_id, safe='')}{mapped}"
