"""What a killed session or check leaves on its host, and its removal."""

import shutil
import tempfile
from pathlib import Path

from bridle.workspace.lease import is_abandoned
from bridle.workspace.removal import clear


def socket_folder(session_id: str) -> Path:
    """Where the gateway of a session has its Unix socket.

    Not below the session's folder: the kernel takes no more than 107 bytes for the path of a socket.
    """
    return Path(tempfile.gettempdir()) / f"bridle-{session_id}"


def sweep_host(root: Path) -> list[str]:
    """Remove the folders of sessions and checks whose process is dead.

    A living process holds the lock in its folder, and the kernel takes a lock from the dead; so no folder in
    use is ever removed, and none has to grow old first.

    Args:
        root: `[bridle] home` of this host.

    Returns:
        The names of those that were removed.
    """
    swept = []
    for folder in sorted((root / "sessions").glob("*")):
        if not is_abandoned(folder):
            continue
        shutil.rmtree(socket_folder(folder.name), ignore_errors=True)
        if clear(folder):
            swept.append(folder.name)
    return swept
