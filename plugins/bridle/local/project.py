"""A user's Airflow folder, filled with Bridle's DAGs, prompts and roles."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bridle.config.starter import starter_dir
from bridle.errors import ConfigError

ROLES = "roles.yaml"
_PARTS = ("dags", "include")
_NOT_GIVEN = {"__pycache__", "demo"}


@dataclass(frozen=True)
class Laid:
    """What was done."""

    written: tuple[Path, ...]
    """New files."""
    kept: tuple[Path, ...]
    """Files that were there and differ from Bridle's; untouched."""


def lay_down(folder: Path, *, roles: str = ROLES) -> Laid:
    """Copy the shipped `dags/` and `include/` into `folder`, never over a file that is there.

    Args:
        folder: an Airflow folder.
        roles: which of the shipped role files becomes `include/roles.yaml`.

    Raises:
        ConfigError: `folder` cannot be written.
    """
    written, kept = [], []
    for source in _shipped():
        if source.match("include/roles*.yaml") and source.name != roles:
            continue
        place = source.with_name(ROLES) if source.name == roles else source
        target = folder / place.relative_to(starter_dir())
        if target.exists():
            if target.read_bytes() != source.read_bytes():
                kept.append(target)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error}; choose another folder") from error
        written.append(target)
    return Laid(tuple(written), tuple(kept))


def _shipped() -> list[Path]:
    files = [path for part in _PARTS for path in sorted((starter_dir() / part).rglob("*")) if path.is_file()]
    return [path for path in files if not _NOT_GIVEN & set(path.relative_to(starter_dir()).parts)]
