"""Where the model calls of a run are kept, when they are recorded."""

from pathlib import Path
from urllib.parse import quote

FOLDER = "cassettes"
"""Below `[bridle] home`, for runs that were started with `bridle run --record`."""


def recording_of(folder: Path, dag_id: str, run_id: str) -> Path:
    """The folder of a run's recording: one file of JSON lines for each session."""
    return folder / quote(dag_id, safe="") / quote(run_id, safe="")
