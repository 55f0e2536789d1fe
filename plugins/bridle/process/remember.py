"""What was found out about this host, kept for the next process: a probe takes a tenth of a second or more.

What is read back is believed only when this user wrote it where nobody else can, about this very host, since
it started. Callers keep, and believe, only findings that the sandbox works: a forged or outdated one can make
a session fail to start, after which it is forgotten, but never make it run with less isolation.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

NAME = "isolation.json"
FORMAT = 1
"""Of a finding; another one is not read."""

_KERNEL = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/user/max_user_namespaces",
)
_PRIVILEGES = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")


def host_key(user: str) -> str:
    """A digest of everything that decides which isolation works; another value means: look again.

    Args:
        user: name of the unprivileged user for children of a task that runs as root.
    """
    parts: list[object] = [FORMAT, user, os.getuid(), os.geteuid(), *os.uname(), sys.executable, sys.prefix]
    parts += [_program(name) for name in ("bwrap", "setpriv")]
    parts += [_text(path) for path in _KERNEL]
    parts += [line for line in _text("/proc/self/status").splitlines() if line.startswith(_PRIVILEGES)]
    for namespace in ("user", "mnt"):  # a container has its own, and the boot id of its host
        with contextlib.suppress(OSError):
            parts.append(Path(f"/proc/self/ns/{namespace}").readlink())
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def recall(folder: Path, key: str) -> dict[str, Any] | None:
    """What `remember` was told under this `key`; None when there is nothing that can be trusted."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or stat.S_IMODE(found.st_mode) != 0o600:
            return None
        try:
            told = json.load(file)
        except ValueError:
            return None
    return told["finding"] if isinstance(told, dict) and told.get("key") == key else None


def remember(folder: Path, key: str, finding: dict[str, Any]) -> None:
    """Keep `finding`; where nothing can be written, the next process looks for itself."""
    draft = folder / f"{NAME}.{os.getpid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"key": key, "finding": finding}, file)
        draft.replace(folder / NAME)


def forget(folder: Path) -> None:
    """Look again next time: a session could not be started."""
    with contextlib.suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    found = Path(path).stat()
    return f"{path} {found.st_mtime_ns} {found.st_size} {found.st_mode}"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
