"""Removal of what a session or a check had on its host."""

import logging
import os
import shutil
import stat
from pathlib import Path
from typing import Any

from bridle.workspace.lease import LOCK, MARKER

log = logging.getLogger(__name__)


def clear(folder: Path) -> bool:
    """Remove a session's folder: by its owner, or by whoever found its owner dead.

    What tells whose it is goes last. Otherwise a sweep that comes by while an owner removes its own folder
    would find it without a lock, take the owner for dead, and remove it too.

    Returns:
        Whether it is this call that removed it. What cannot be removed is logged and stays until the next
        sweep: a session that is done is not lost for it.
    """
    try:
        for entry in folder.iterdir():
            if entry.name not in (LOCK, MARKER):
                remove(entry)
        for name in (MARKER, LOCK):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except FileNotFoundError:  # it has been cleared already
        return False
    except OSError as error:  # the last of what was killed is still writing
        log.info("%s stays until the next sweep: %s", folder, error)
        return False
    return True


def remove(path: Path) -> None:
    """Remove a folder or a file, although an agent may have taken away permissions below it.

    Raises:
        OSError: something of it could not be removed.
    """

    def unlock_and_retry(function: Any, name: str, raised: Any) -> None:
        if isinstance(raised[1], FileNotFoundError):
            return  # what was killed has removed a last file of its own
        for place in (Path(name).parent, Path(name)):
            if place != path.parent and stat.S_ISDIR(place.lstat().st_mode):
                place.chmod(0o700)
        if function in (os.rmdir, os.unlink):
            function(name)
        else:
            remove(Path(name))

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=unlock_and_retry)
    else:
        path.unlink(missing_ok=True)
