"""As whom PostgreSQL runs: it refuses to be root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bridle.errors import ConfigError

_OTHERS_MAY_ENTER = 0o001


@dataclass(frozen=True)
class Account:
    """How to start a program so that it is not root."""

    user: int | None = None
    """uid to change to before exec; None: stay who we are."""
    group: int | None = None
    """gid that goes with it."""
    wrapper: tuple[str, ...] = ()
    """Put before the program's arguments."""

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def unprivileged(*paths: Path, data: Path) -> Account:
    """The account for programs that must reach `paths` and own `data` (which may not be there yet).

    Ourselves when we are not root; else the system's `postgres` or `nobody` user when every folder above
    `paths` lets others through; else a user namespace in which we are called something else. Nothing above
    `paths` is changed and no user is made. Data that is there keeps its owner.

    Raises:
        ConfigError: root, and neither way works here.
    """
    if os.geteuid() != 0:
        return Account()
    owner = data.stat() if data.exists() else None
    if owner and owner.st_uid != 0:
        return Account(user=owner.st_uid, group=owner.st_gid)
    if owner is None and all(_open_to_others(path) for path in paths):
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(user=entry.pw_uid, group=entry.pw_gid)
    if _namespaces_work():
        return Account(wrapper=_NAMESPACE)
    closed = next((path for path in paths if not _open_to_others(path)), paths[0])
    raise ConfigError(
        f"PostgreSQL cannot run as root, and no other user may enter {closed}: "
        "choose a state folder that others may traverse (--state), or run as an ordinary user"
    )


_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


def _open_to_others(path: Path) -> bool:
    chain = [path.resolve(), *path.resolve().parents]
    return all(folder.stat().st_mode & _OTHERS_MAY_ENTER for folder in chain if folder.is_dir())


def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
