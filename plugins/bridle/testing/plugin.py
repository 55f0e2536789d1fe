"""The pytest plugin that the package brings: its fixtures, which cost nothing until they are used."""

from bridle.testing.ledger import ledger, ledger_template, ledger_url, task_url
from bridle.testing.postgres import postgres_server, postgres_url
from bridle.testing.stack import stack, stack_dags, stack_env, stack_include

__all__ = [
    "ledger",
    "ledger_template",
    "ledger_url",
    "postgres_server",
    "postgres_url",
    "stack",
    "stack_dags",
    "stack_env",
    "stack_include",
    "task_url",
]
