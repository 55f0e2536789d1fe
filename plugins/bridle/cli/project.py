"""`bridle init`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridle.cli.console import say

_NEXT = """
Next:
  1. list your repositories and their checks in {include}/repositories.yaml
  2. give it its models' keys, for each of {connections}:
       export AIRFLOW_CONN_{first}='{{"conn_type": "bridle_model", "password": "KEY"}}'

No Airflow yet? `bridle up`, in the same shell, starts one here, with PostgreSQL. Into an Airflow of yours:
  3. give it the ledger: export AIRFLOW_CONN_BRIDLE_LEDGER='postgres://user:password@host:5432/bridle',
     make its tables:    bridle migrate --create-database --url postgresql://user:password@host:5432/bridle
  4. restart Airflow's components, then trigger the DAG `issue_fix`

`bridle roles` shows which agent and model plays which part, what it costs, and whether its key is there;
`bridle doctor` says what is missing."""


class Provider(StrEnum):
    """Which role file is laid down."""

    MIXED = "mixed"
    ANTHROPIC = "anthropic"


_ROLES = {Provider.MIXED: "roles.yaml", Provider.ANTHROPIC: "roles.anthropic.yaml"}


def init(
    folder: Annotated[Path, typer.Argument(help="An Airflow folder: gets dags/ and include/.")] = Path(),
    provider: Annotated[
        Provider, typer.Option(help="Whose models to use: of several, or with a key of Anthropic alone.")
    ] = Provider.MIXED,
    compose: Annotated[
        bool, typer.Option("--compose", help="Also .env: secrets of docker-compose.yaml.")
    ] = False,
) -> None:
    """Lay down Bridle's DAGs, prompts and roles, to be changed by you; never overwrites a file."""
    from bridle.config.roles import Roles
    from bridle.local.compose import write_secrets
    from bridle.local.project import lay_down

    laid = lay_down(folder, roles=_ROLES[provider])
    for path in laid.written:
        typer.echo(f"  wrote {path}")
    for path in laid.kept:
        typer.echo(f"  kept  {path} (yours)")
    if compose:
        typer.echo(f"  wrote {write_secrets(folder)}")
    roles = Roles.read(folder / "include" / "roles.yaml").roles.values()
    connections = sorted({f"bridle_{name}" for role in roles for name in role.providers})
    say(
        _NEXT.format(
            include=folder / "include",
            connections=", ".join(connections),
            first=connections[0].upper(),
        )
    )
