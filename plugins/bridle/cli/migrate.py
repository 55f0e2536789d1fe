"""`bridle migrate`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bridle.cli.console import say
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import ConfigError


def migrate(
    url: Annotated[str | None, typer.Option(help="Of the ledger; default: BRIDLE_LEDGER_URL.")] = None,
    create_database: Annotated[bool, typer.Option(help="Make the database when it is missing.")] = False,
    task_login: Annotated[
        str | None,
        typer.Option(
            help="Also make this login, for tasks, with the password in BRIDLE_TASK_PASSWORD: it cannot "
            "rewrite the ledger."
        ),
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Bring the ledger's tables to this version of Bridle, and make the Airflow pools of roles.yaml."""
    import bridle.ledger.migrate as migrations
    from bridle.ledger.login import make_task_login
    from bridle.local.databases import psycopg_url
    from bridle.local.ledger_url import find_ledger_url

    target = psycopg_url(url) if url else find_ledger_url(state)
    migrations.upgrade(target, create_database=create_database)
    say(f"the ledger is at {migrations.current(target)}")
    if task_login:
        make_task_login(target, task_login, _task_password())
        say(f"tasks may log in as {task_login}")
    _pools(state)


def _pools(state: Path) -> None:
    from bridle.doctor.patient import patient_in
    from bridle.local.pools import make_pools

    with patient_in(state) as patient:
        wanted = patient.roles.all_pools()
        if wanted and not patient.configured and patient.report is None:
            raise ConfigError(
                f"roles.yaml wants the pools {', '.join(wanted)}, and no Airflow is configured here: set "
                "AIRFLOW_HOME, or run this where Airflow is"
            )
        make_pools(wanted, os.environ)
    if wanted:
        say(f"pools: {', '.join(f'{name} ({slots} slots)' for name, slots in wanted.items())}")


def _task_password() -> str:
    password = os.environ.get("BRIDLE_TASK_PASSWORD")
    if not password:
        raise ConfigError("--task-login needs the login's password in BRIDLE_TASK_PASSWORD")
    return password
