"""`bridle replay`, and what `bridle run --record` needs."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.console import say, show
from bridle.cli.run import follow_run, start, why_failed
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.config.recordings import FOLDER, recording_of
from bridle.errors import ConfigError, SessionFailed

if TYPE_CHECKING:
    from bridle.local.rest import AirflowClient, DagRun

ABOUT = "run.json"
"""Beside the sessions of a recording: which workflow it is of, and with which parameters."""


def replay(
    recording: Annotated[
        str, typer.Argument(help="A folder that `bridle run --record` has written, or a recorded run.")
    ],
    follow: Annotated[bool, typer.Option(help="Show progress until the run has ended.")] = True,
    state: State = DEFAULT_STATE,
) -> None:
    """Run a recorded run again, with the recorded answers in the place of every model.

    Models are not called and nothing is paid. All else happens again: checks, approvals, writes to the forge.
    """
    from bridle.local.find_airflow import find_airflow

    kept = _kept(state)
    with find_airflow(state) as airflow:
        dag_id, name, conf = lay_out(Path(recording), kept) or _recorded(airflow, recording, kept)
        run = start(airflow, dag_id, {**conf, "bridle": {"replay": name}}, label="replay")
        say(f"{run.dag_id}/{run.run_id}\n  {airflow.run_url(run.dag_id, run.run_id)}")
        if follow:
            run = follow_run(airflow, run, state)
        show(run.model_dump(mode="json"))
        if run.state == "failed":
            raise SessionFailed(why_failed(airflow, run))


def keep(run: "DagRun", folder: Path, state: Path) -> None:
    """Copy a run's recording to where the user wants it.

    Raises:
        ConfigError: the run's tasks have recorded nothing here.
    """
    found = recording_of(_kept(state), run.dag_id, run.run_id)
    if not found.is_dir():
        raise ConfigError(f"nothing is recorded in {found}: no session began")
    shutil.copytree(found, folder, dirs_exist_ok=True)
    about = {"dag_id": run.dag_id, "run_id": run.run_id, "conf": _parameters(run.conf)}
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    say(f"recorded: {folder}; play it with: bridle replay {folder}")


def _kept(state: Path) -> Path:
    """Where the tasks of the local stack keep recordings.

    Raises:
        ConfigError: another Airflow is meant, whose workers keep them.
    """
    if url := os.environ.get("BRIDLE_AIRFLOW_URL"):
        raise ConfigError(
            f"recordings are on the workers of {url}, in `{FOLDER}` below [bridle] home; to record or replay "
            "there, set [bridle] gateway_mode and cassettes, or trigger with the run configuration of "
            "docs/gateway.md"
        )
    return state.resolve() / "work" / FOLDER


def lay_out(folder: Path, kept: Path) -> tuple[str, str, dict[str, Any]] | None:
    """Put a recording where tasks find it; its workflow, its name there, and its parameters."""
    if not (folder / ABOUT).is_file():
        return None
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    place = recording_of(kept, about["dag_id"], about["run_id"])
    if folder.resolve() != place.resolve():
        shutil.copytree(folder, place, dirs_exist_ok=True)
    return about["dag_id"], str(place.relative_to(kept)), about["conf"]


def _recorded(airflow: "AirflowClient", name: str, kept: Path) -> tuple[str, str, dict[str, Any]]:
    """The same of a run that this stack has recorded."""
    from bridle.local.find_airflow import find_run

    run = find_run(airflow, name)
    place = recording_of(kept, run.dag_id, run.run_id)
    if not place.is_dir():
        raise ConfigError(
            f"{run.run_id} was not recorded; start runs to be replayed with `bridle run --record DIR`"
        )
    return run.dag_id, str(place.relative_to(kept)), _parameters(run.conf)


def _parameters(conf: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (conf or {}).items() if key != "bridle"}
