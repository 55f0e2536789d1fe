"""Which Airflow a command talks to."""

import os
from pathlib import Path

from bridle.errors import ConfigError, InvalidInput
from bridle.local.rest import AirflowClient, DagRun, Question
from bridle.local.stack import Stack

URL_VARIABLE = "BRIDLE_AIRFLOW_URL"
TOKEN_VARIABLE = "BRIDLE_AIRFLOW_TOKEN"  # noqa: S105 (a name)
USER_VARIABLE = "BRIDLE_AIRFLOW_USER"
HOUSEKEEPING = ("bridle_bisect", "bridle_budget", "bridle_sweeper", "issue_watch")
"""Workflows that nobody means by "the newest run": they go on all day, and start or tend the others."""

PASSWORD_VARIABLE = "BRIDLE_AIRFLOW_PASSWORD"  # noqa: S105 (a name)


def find_airflow(state: Path) -> AirflowClient:
    """A client for `BRIDLE_AIRFLOW_URL` when it is set, else for the stack in `state`.

    Raises:
        ConfigError: the variable is set, but nothing to log in with.
        StackError: no stack is up in `state`.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        info = Stack(state).info()
        return AirflowClient(info.url, token=info.token)
    if token := os.environ.get(TOKEN_VARIABLE):
        return AirflowClient(url, token=token)
    user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
    if user and password:
        return AirflowClient.login(url, user, password)
    raise ConfigError(
        f"{URL_VARIABLE} is set; set {TOKEN_VARIABLE} too, or {USER_VARIABLE} and {PASSWORD_VARIABLE}"
    )


def find_run(airflow: AirflowClient, name: str | None) -> DagRun:
    """The run that a person means: `run`, `dag/run`, a part of the run id, or None for the newest.

    Raises:
        InvalidInput: none, or more than one, is called so.
    """
    dag_id, _, run_id = (name or "").rpartition("/")
    if name is None:
        found = airflow.runs_without(HOUSEKEEPING, limit=1)
    else:
        found = airflow.runs(dag_id or "~", like=run_id, limit=50)
    candidates = [run for run in found if run.run_id == run_id] or found
    if len(candidates) == 1:
        return candidates[0]
    several = ", ".join(f"{run.dag_id}/{run.run_id}" for run in candidates)
    raise InvalidInput(f"{name!r} is the name of several runs: {several}" if several else _no_run(name))


def find_question(airflow: AirflowClient, name: str | None) -> Question:
    """The open question that a person means: its id or a part of it, or None when there is only one.

    Raises:
        InvalidInput: none, or more than one, is called so.
    """
    every = airflow.questions()
    found = [question for question in every if name is None or name in question.id]
    if len(found) == 1:
        return found[0]
    if not every:
        raise InvalidInput("no run waits for an answer")
    raise InvalidInput(
        f"{name or 'no id given, and this'} fits {len(found) or 'none'} of the open questions: "
        + ", ".join(question.id for question in found or every)
    )


def _no_run(name: str | None) -> str:
    return "there has been no run yet" if name is None else f"no run is called {name!r}; see `bridle runs`"
