"""Roles are looked at when a DAG file is parsed: mistakes are errors of the file, pools are the tasks'."""

from pathlib import Path

import pytest
from airflow.sdk import DAG

from bridle import AgentSessionOperator, LLMClassifyOperator
from bridle.errors import ConfigError

ROLES = """
roles:
  writer: {agent: api, model: "anthropic:claude-haiku-4-5", pool: night, limits: {turns: 5}}
  wizard: {agent: magic, model: "anthropic:claude-haiku-4-5"}
"""


@pytest.fixture
def dag(tmp_path: Path) -> DAG:
    """A DAG file with an include folder beside it."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "roles.yaml").write_text(ROLES)
    dag = DAG("d")
    dag.fileloc = str(tmp_path / "d.py")
    return dag


def test_the_roles_pool_is_the_tasks_unless_the_task_names_one(dag: DAG) -> None:
    with dag:
        plain = AgentSessionOperator(task_id="a", role="writer", prompt="p.md")
        other = AgentSessionOperator(task_id="b", role="writer", prompt="p.md", pool="day")
        kind = LLMClassifyOperator(task_id="c", role="writer", prompt="p.md", labels={"a": "A"})
    assert (plain.pool, other.pool, kind.pool) == ("night", "day", "night")


def test_default_arguments_of_the_dag_go_before_the_roles_pool(tmp_path: Path, dag: DAG) -> None:
    dag.default_args["pool"] = "default_pool"
    with dag:
        assert AgentSessionOperator(task_id="a", role="writer", prompt="p.md").pool == "default_pool"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"role": "painter"}, "role 'painter' is not in roles.yaml; it has: wizard, writer"),
        ({"role": "wizard"}, "agent 'magic' does not exist; roles.yaml can name: api, claude-code"),
        ({"role": "writer", "agent": "magic"}, "agent 'magic' does not exist"),
        ({"role": "writer", "model": "openai"}, "role 'writer' with .* no provider"),
        ({"role": "writer", "agent": "claude-code", "fallback": ["openai:m"]}, "no dialect of agent"),
        ({"role": "writer", "tools": ["raed"]}, "should be 'read', 'search'"),
    ],
)
def test_a_mistake_in_a_role_is_an_error_of_the_dag_file(
    dag: DAG, arguments: dict[str, object], said: str
) -> None:
    """Airflow shows it as the file's import error; nothing has run, nothing has been spent."""
    with dag, pytest.raises(ConfigError, match=said) as error:
        AgentSessionOperator(task_id="a", prompt="p.md", **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_an_operator_outside_a_dag_is_not_looked_at_yet() -> None:
    assert AgentSessionOperator(task_id="a", role="anybody", prompt="p.md").role == "anybody"
