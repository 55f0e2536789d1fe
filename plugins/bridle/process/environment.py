"""What a child process may know of its surroundings: an allow-list, never the task's own environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ALLOWED = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Names that are copied; everything else stays behind."""


def child_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of an agent or a check, with a private home below which everything is kept.

    Args:
        home: private folder of the session; made with what the variables point at when it is missing.
        extra: variables to add, from repositories.yaml; never secrets.
    """
    environment = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    environment.setdefault("LANG", "C.UTF-8")
    folders = {
        "HOME": home,
        "TMPDIR": home / "tmp",
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
    }
    for name, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        environment[name] = str(folder)
    environment["PATH"] = program_path()
    # A test run must not leave byte code in the clone: the harness would take it for the agent's work.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment.update(extra or {})
    return environment


def program_path() -> str:
    """Where children find programs: this process's PATH, and then the folder of its Python.

    Last, so that a repository's `python -m unittest` works on hosts that only have `python3`.
    """
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
