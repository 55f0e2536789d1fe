"""Roles are looked at when a DAG file is parsed: mistakes are errors of the file, pools are the tasks'."""

from pathlib import Path

import pytest
from airflow.sdk import DAG

from bridle import AgentSessionOperator, LLMClassifyOperator
from bridle.errors import ConfigError
from bridle.models import Classification

ROLES = """
roles:
  writer: {agent: api, model: "anthropic:claude-haiku-4-5", pool: night, limits: {turns: 5}}
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
        ({"role": "painter"}, "role 'painter' is not in roles.yaml; it has: writer"),
        (
            {"role": "writer", "agent": "magic"},
            "agent 'magic' does not exist; roles.yaml can name: api, claude-code",
        ),
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


WEAK = """
from bridle.agents.base import Supports

class WeakAgent:
    name = "weak"
    supports = Supports(dialects=("openai-chat",), access=("none", "read"), output=False)
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"access": "write"}, "'weak' has no sessions with access 'write', only none, read"),
        ({"output_type": Classification}, "'weak' gives no structured output"),
        ({"effort": "low"}, "'weak' has no effort to set"),
        (
            {"model": "anthropic:claude-haiku-4-5"},
            "'weak' speaks only openai-chat, which 'anthropic' does not",
        ),
    ],
)
def test_what_an_agent_of_another_package_cannot_do_is_an_error_of_the_dag_file(
    dag: DAG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object], said: str
) -> None:
    (tmp_path / "bridle_weak.py").write_text(WEAK)
    metadata = tmp_path / "bridle_weak-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bridle-weak\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[bridle.agents]\nweak = bridle_weak:WeakAgent\n")
    monkeypatch.syspath_prepend(tmp_path)
    role = {"role": "writer", "agent": "weak", "model": "openai:gpt-5-mini"}
    with dag:
        AgentSessionOperator(task_id="fits", prompt="p.md", **role)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=said):
            AgentSessionOperator(task_id="a", prompt="p.md", **(role | arguments))  # type: ignore[arg-type]


def test_an_operator_outside_a_dag_is_not_looked_at_yet() -> None:
    assert AgentSessionOperator(task_id="a", role="anybody", prompt="p.md").role == "anybody"
