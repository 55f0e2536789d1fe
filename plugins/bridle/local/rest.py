"""Airflow's REST API, as much of it as running a workflow from a terminal takes."""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import AliasPath, BaseModel, ConfigDict, Field

from bridle.errors import AirflowDown, CredentialError, InvalidInput

SETTLE_SECONDS = 4.0
"""How long a fresh question is left alone before it is answered: an answer within about a second of the
task's parking can be lost in Airflow 3.3 (the executor's report overtakes the new state)."""

FRESH_SECONDS = 30.0
"""How old a question is when its task has certainly parked; Airflow does not say when it did."""


PAGE = 50
"""Entries asked for at once; Airflow gives no more than its `[api] maximum_page_limit`, by default 100."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class DagRun(_Answer):
    """One run of a workflow."""

    dag_id: str
    run_id: str = Field(alias="dag_run_id")
    state: str
    """queued, running, success or failed."""
    start_date: datetime | None = None
    end_date: datetime | None = None
    conf: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return self.state in ("success", "failed")


class TaskInstance(_Answer):
    """One task of a run, in its newest try."""

    task_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    max_tries: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None
    operator_name: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the other tasks of its run."""
        return self.task_id, self.map_index

    @property
    def name(self) -> str:
        """For people: the task, with `[index]` for one of several mapped ones."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def seconds(self) -> float | None:
        """How long the newest try took, or has taken so far."""
        if self.start_date is None:
            return None
        return ((self.end_date or datetime.now(UTC)) - self.start_date).total_seconds()


class Question(_Answer):
    """What a workflow asks a human."""

    dag_id: str = Field(validation_alias=AliasPath("task_instance", "dag_id"))
    run_id: str = Field(validation_alias=AliasPath("task_instance", "dag_run_id"))
    task_id: str = Field(validation_alias=AliasPath("task_instance", "task_id"))
    map_index: int = Field(validation_alias=AliasPath("task_instance", "map_index"))
    state: str | None = Field(validation_alias=AliasPath("task_instance", "state"))
    subject: str
    body: str | None = None
    options: list[str]
    created_at: datetime
    started_at: datetime | None = Field(validation_alias=AliasPath("task_instance", "start_date"))
    response_received: bool = False
    chosen_options: list[str] | None = None

    @property
    def id(self) -> str:
        """How a person names it: `dag/run/task`, with `/index` for one of several mapped tasks."""
        mapped = f"/{self.map_index}" if self.map_index >= 0 else ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}{mapped}"


def ending(trace: str) -> str:
    """What a traceback ends with: the error, which may have several lines."""
    lines = trace.strip().splitlines()
    begin = max((number for number, line in enumerate(lines) if line.startswith(" ")), default=-1)
    return "\n".join(lines[begin + 1 :]) or trace


class AirflowClient:
    """A session with one Airflow's API server.

    Args:
        url: base URL, e.g. `http://127.0.0.1:8080`.
        token: a bearer token, or a function that gets one; asked again when Airflow refuses the last.
        timeout_seconds: of one request.
    """

    def __init__(self, url: str, *, token: str | Callable[[], str], timeout_seconds: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._bearer = ""
        self._http = httpx.Client(base_url=self.url, timeout=timeout_seconds, trust_env=False)

    @classmethod
    def login(cls, url: str, user: str, password: str) -> Self:
        """A client that gets its tokens with a name and a password."""
        return cls(url, token=lambda: _log_in(url, user, password))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def health(self) -> dict[str, str]:
        """Component (metadatabase, scheduler, dag_processor …) to `healthy`, `unhealthy` or `unknown`."""
        parts = self._get("/api/v2/monitor/health")
        return {name: part.get("status") or "unknown" for name, part in parts.items()}

    def has_dag(self, dag_id: str) -> bool:
        """Whether Airflow has parsed the workflow; of a file that is broken now it keeps what was."""
        found = self._call("GET", f"/api/v2/dags/{quote(dag_id)}", missing_ok=True)
        return found is not None and not (found.get("is_stale") or found.get("has_import_errors"))

    def choices(self, dag_id: str, parameter: str) -> list[Any] | None:
        """What a workflow's trigger form offers for a parameter; None when it takes anything."""
        details = self._get(f"/api/v2/dags/{quote(dag_id)}/details")
        given = (details.get("params") or {}).get(parameter) or {}
        offered: list[Any] | None = (given.get("schema") or {}).get("enum")
        return offered

    def import_errors(self) -> dict[str, str]:
        """DAG file to the error that it ended with, without the way there."""
        errors = self._get("/api/v2/importErrors", limit=20)["import_errors"]
        return {error["filename"]: ending(error["stack_trace"]) for error in errors}

    def started_by(self, dag_id: str, run_id: str) -> str:
        """Who started a run: a user's name; of a run that no user started, how it came about.

        Of a run that Airflow has no more, as after `airflow db clean`, `unknown`.
        """
        run = self._call("GET", _run(dag_id, run_id), missing_ok=True) or {}
        return str(run.get("triggering_user_name") or run.get("run_type") or "unknown")

    def trigger(self, dag_id: str, conf: Mapping[str, Any], *, run_id: str | None = None) -> DagRun:
        """Start a run.

        Args:
            conf: values for the workflow's parameters.
            run_id: the run's id; None: Airflow makes one.

        Raises:
            InvalidInput: no such workflow, a parameter that does not fit, or the run id is taken.
        """
        body = {"logical_date": None, "conf": dict(conf)} | ({"dag_run_id": run_id} if run_id else {})
        self._call("PATCH", f"/api/v2/dags/{quote(dag_id)}", json={"is_paused": False})
        return DagRun.model_validate(self._call("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", json=body))

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """One run as it is now."""
        return DagRun.model_validate(self._get(_run(dag_id, run_id)))

    def runs(self, dag_id: str = "~", *, like: str = "", limit: int = 20) -> list[DagRun]:
        """The newest runs of one workflow, or of all; `like` is a part of their ids."""
        only = {"run_id_pattern": f"%{like}%"} if like else {}
        found = self._get(f"/api/v2/dags/{quote(dag_id)}/dagRuns", limit=limit, order_by="-run_after", **only)
        return [DagRun.model_validate(run) for run in found["dag_runs"]]

    def runs_without(self, dag_ids: Collection[str], *, limit: int = 20) -> list[DagRun]:
        """The newest runs of all workflows but these, however many runs these have had."""
        known = self._every("/api/v2/dags", "dags", exclude_stale=False)
        wanted = [dag["dag_id"] for dag in known if dag["dag_id"] not in dag_ids]
        if not wanted:
            return []
        body = {"dag_ids": wanted, "page_limit": limit, "order_by": "-run_after"}
        found = self._call("POST", "/api/v2/dags/~/dagRuns/list", json=body)
        return [DagRun.model_validate(run) for run in found["dag_runs"]]

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Mark a run as failed; Airflow ends its running tasks."""
        self._call("PATCH", _run(dag_id, run_id), json={"state": "failed"})

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Every task of a run, in its newest try."""
        found = self._every(f"{_run(dag_id, run_id)}/taskInstances", "task_instances")
        return [TaskInstance.model_validate(task) for task in found]

    def log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[str]:
        """The log lines of a task's newest try."""
        return [str(line.get("event", "")) for line in self._log(dag_id, run_id, task)]

    def last_error(self, dag_id: str, run_id: str, task: TaskInstance) -> str:
        """What the log of a task's newest try calls its last error; empty when there is none."""
        for line in reversed(self._log(dag_id, run_id, task)):
            for cause in line.get("error_detail") or ():
                return str(cause.get("exc_value", "")).strip()
            if line.get("level") in ("error", "critical"):
                return str(line.get("event", "")).strip()
        return ""

    def value(
        self, dag_id: str, run_id: str, task_id: str, key: str = "result", *, map_index: int = -1
    ) -> Any:
        """One XCom value of a task; None when it pushed none under that key."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key, safe='')}"
        found = self._call("GET", path, params={"map_index": map_index}, missing_ok=True)
        return None if found is None else found["value"]

    def questions(self, dag_id: str = "~", run_id: str = "~", *, open_only: bool = True) -> list[Question]:
        """What humans are asked, oldest first."""
        only = {"state": "awaiting_input", "response_received": False} if open_only else {}
        found = self._get(f"{_run(dag_id, run_id)}/hitlDetails", limit=100, order_by="created_at", **only)
        return [Question.model_validate(question) for question in found["hitl_details"]]

    def answer(self, question: Question, option: str, *, feedback: str = "") -> None:
        """Answer a question; a fresh one is given `SETTLE_SECONDS` first.

        Raises:
            InvalidInput: not one of its options, or somebody has answered already.
        """
        if option not in question.options:
            raise InvalidInput(
                f"{question.id}: answer with one of {', '.join(question.options)}, not {option!r}"
            )
        # of a task that was cleared and asks anew, Airflow has the time of the first question
        asked_at = max(question.created_at, question.started_at or question.created_at)
        if (datetime.now(UTC) - asked_at).total_seconds() < FRESH_SECONDS:
            time.sleep(SETTLE_SECONDS)
        path = f"{_run(question.dag_id, question.run_id)}/taskInstances/{quote(question.task_id)}"
        body = {"chosen_options": [option], "params_input": {"feedback": feedback} if feedback else {}}
        self._call("PATCH", f"{path}/{question.map_index}/hitlDetails", json=body)

    def run_url(self, dag_id: str, run_id: str) -> str:
        """Where a person looks at a run."""
        return f"{self.url}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}"

    def question_url(self, question: Question) -> str:
        """Where a person answers a question."""
        run = self.run_url(question.dag_id, question.run_id)
        mapped = f"/mapped/{question.map_index}" if question.map_index >= 0 else ""
        return f"{run}/tasks/{quote(question.task_id)}{mapped}/required_actions"

    def _log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[dict[str, Any]]:
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task.task_id)}/logs/{task.try_number}"
        content = self._get(path, map_index=task.map_index, full_content=True)["content"]
        return [line if isinstance(line, dict) else {"event": line} for line in content]

    def _every(self, path: str, key: str, **params: Any) -> list[dict[str, Any]]:
        """All of a list that Airflow gives page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(path, limit=PAGE, offset=len(found), **params)
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

    def _get(self, path: str, **params: Any) -> Any:
        return self._call("GET", path, params=params)

    def _call(self, method: str, path: str, *, missing_ok: bool = False, **kwargs: Any) -> Any:
        response = self._send(method, path, **kwargs)
        if response.status_code in (401, 403) and not isinstance(self._token, str):
            # Airflow answers 403 to a token that has expired
            self._bearer = ""
            response = self._send(method, path, **kwargs)
        if response.status_code == 404 and missing_ok:
            return None
        if response.is_success:
            return response.json() if response.content else None
        said = f"Airflow at {self.url} answers {response.status_code} to {method} {path}: {_detail(response)}"
        if response.status_code in (401, 403):
            raise CredentialError(f"{said}. Log in with an account that may do this")
        raise AirflowDown(said) if response.status_code >= 500 else InvalidInput(said)

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        if not self._bearer:
            self._bearer = self._token if isinstance(self._token, str) else self._token()
        try:
            return self._http.request(
                method, path, headers={"Authorization": f"Bearer {self._bearer}"}, **kwargs
            )
        except httpx.HTTPError as error:
            raise AirflowDown(
                f"Airflow at {self.url} cannot be reached: {error}. Is it up? `bridle up`"
            ) from error


def _log_in(url: str, user: str, password: str) -> str:
    try:
        response = httpx.post(
            f"{url.rstrip('/')}/auth/token",
            json={"username": user, "password": password},
            timeout=30.0,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise AirflowDown(f"Airflow at {url} cannot be reached: {error}. Is it up? `bridle up`") from error
    if not response.is_success:
        raise CredentialError(f"Airflow at {url} does not let {user!r} in: {_detail(response)}")
    return str(response.json()["access_token"])


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='~')}"


def _detail(response: httpx.Response) -> str:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return response.text[:300]
    return detail if isinstance(detail, str) else str(detail)[:300]
