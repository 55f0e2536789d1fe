"""`bridle init`."""

from pathlib import Path
from typing import Annotated

import typer

from bridle.cli.console import say

_NEXT = """
Next:
  1. list your repositories and their checks in {include}/repositories.yaml
  2. give Airflow the ledger: export AIRFLOW_CONN_BRIDLE_LEDGER='postgres://user:password@host:5432/bridle',
     make its tables:         bridle migrate --create-database --url postgresql://user:password@host:5432/bridle
  3. give it a model's key:   airflow connections add bridle_anthropic --conn-type bridle_model \\
                               --conn-password KEY
  4. restart Airflow's components, then trigger the DAG `issue_fix`

No Airflow yet? `bridle up` starts one here, with PostgreSQL, and needs only steps 1 and 3."""


def init(
    folder: Annotated[Path, typer.Argument(help="An Airflow folder: gets dags/ and include/.")] = Path(),
    compose: Annotated[
        bool, typer.Option("--compose", help="Also .env: secrets of docker-compose.yaml.")
    ] = False,
) -> None:
    """Lay down Bridle's DAGs, prompts and roles, to be changed by you; never overwrites a file."""
    from bridle.local.compose import write_secrets
    from bridle.local.project import lay_down

    laid = lay_down(folder)
    for path in laid.written:
        typer.echo(f"  wrote {path}")
    for path in laid.kept:
        typer.echo(f"  kept  {path} (yours)")
    if compose:
        typer.echo(f"  wrote {write_secrets(folder)}")
    say(_NEXT.format(include=folder / "include"))
