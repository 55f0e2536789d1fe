"""Operators as users see them."""

import inspect
import json
import subprocess
import sys

import pytest
from airflow.sdk import BaseOperator

import bridle


@pytest.mark.parametrize("name", [name for name in bridle.__all__ if name.endswith(("Operator", "Sensor"))])
def test_no_argument_shadows_an_attribute_of_airflows_base_operator(name: str) -> None:
    operator = getattr(bridle, name)
    own = set(inspect.signature(operator.__init__).parameters) - {"self", "kwargs"}
    assert not {argument for argument in own if hasattr(BaseOperator, argument)}
    base = set(inspect.signature(BaseOperator.__init__).parameters)
    assert not own & base


def test_importing_the_public_names_loads_nothing_heavy() -> None:
    """A DAG file is parsed often, and by every task: SDKs and the database driver must stay out."""
    code = (
        "import json, sys\n"
        "from bridle import *\n"
        "heavy = ['anthropic', 'openai', 'pydantic_ai', 'claude_agent_sdk', 'github', 'psycopg', 'uvicorn']\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(out.splitlines()[-1]) == []


def test_a_branch_for_a_label_that_does_not_exist_is_an_error_at_parse_time() -> None:
    with pytest.raises(ValueError, match="branches names"):
        bridle.LLMClassifyOperator(
            task_id="c", role="classifier", prompt="p.md", labels={"a": "A"}, branches={"b": "t"}
        )
