"""How a child process is kept away from everything that is not its session's."""

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

from bridle.errors import ConfigError

Network = Literal["none", "loopback-socket", "host"]
User = tuple[int, int]
"""User and group id."""

SCRATCH = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108
"""Everybody may write here; a sandbox has its own."""

PRIVATE = (Path("/home"), Path("/root"), Path("/run"))
"""Never visible. Sockets of other services live in /run, and a read-only view of one can be connected to."""

_BLANK = "blank"
"""The rule for a file: it is there, and nothing can be read from it."""


class Isolation(StrEnum):
    """What stands between a child process and this host, strongest first."""

    SANDBOX = "sandbox"
    """bubblewrap: own file system view, processes and network."""
    USER = "user"
    """Another, unprivileged user; only where the task runs as root."""
    NONE = "none"
    """Nothing but an environment of its own."""


@dataclass(frozen=True)
class Sandbox:
    """What one child process may touch.

    A path's deepest rule wins, so a session's folder may lie below a hidden one.
    """

    isolation: Isolation = Isolation.NONE
    writable: tuple[Path, ...] = ()
    """The session's folders; with another user they are handed over to it."""
    readable: tuple[Path, ...] = ()
    """Below a hidden folder, but needed: a mirror's objects, a tool's installation."""
    hidden: tuple[Path, ...] = ()
    """AIRFLOW_HOME, Bridle's state and the like, folders or files; the homes of this host's users always are.
    Of a hidden folder that is this Python's prefix too, only Python's own parts are there."""
    network: Network = "none"
    """`none` and `loopback-socket` have a loopback of their own and nothing else; the latter expects the
    gateway's Unix socket among `readable`."""
    user: User | None = None
    """Whom to run as; only root can choose."""

    def reading(self, *paths: Path) -> "Sandbox":
        """The same sandbox, with more to read."""
        return replace(self, readable=(*self.readable, *paths))

    def wrap(self, argv: Sequence[str], *, cwd: Path) -> list[str]:
        """The command line that runs `argv` in `cwd` under this isolation."""
        if self.isolation is Isolation.SANDBOX:
            return [*self._bubblewrap(cwd), *self._become(), *argv]
        if self.isolation is Isolation.USER:
            return [*self._become(), *argv]
        return list(argv)

    def prepare(self) -> None:
        """Hand the writable folders to the user who will work there.

        Raises:
            ConfigError: that user cannot reach one of them.
        """
        if self.user is None or self.isolation is Isolation.NONE:
            return
        for path in self.writable:
            if self.isolation is Isolation.USER and (wall := _wall(path)):
                raise ConfigError(
                    f"{path} cannot be reached by user id {self.user[0]}: {wall} is closed to others; "
                    "move [bridle] home to a folder that others may enter, or set [bridle] isolation"
                )
            _hand_over(path, self.user)

    def _become(self) -> list[str]:
        if self.user is None:
            return []
        uid, gid = self.user
        return [
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"),
            # What setpriv itself starts is still looked up with root's rights; what `env` starts is not.
            *("--inh-caps=-all", "--bounding-set=-all", "--", "env", "--"),
        ]

    def _bubblewrap(self, cwd: Path) -> list[str]:
        argv = ["bwrap", "--die-with-parent", "--new-session"]
        argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        if self.network != "host":
            argv.append("--unshare-net")
        if self.user is not None:
            # Only to step down to the other user; `setpriv` then gives all of them up.
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                argv += ["--cap-add", capability]
        argv += ["--ro-bind", "/", "/"]
        rules = self._rules()
        for path in sorted(rules, key=lambda path: len(path.parts)):
            if rules[path] == "--tmpfs":
                argv += ["--perms", "1777" if path in SCRATCH else "0755", "--tmpfs", str(path)]
                continue
            if rules[path] == _BLANK:
                argv += ["--ro-bind", "/dev/null", str(path)]
                continue
            for folder in reversed(path.parents):
                # Made on the way down to a mount, it would be closed to everybody but root.
                if any(rules.get(above) == "--tmpfs" for above in folder.parents):
                    argv += ["--dir", str(folder)]
            argv += [rules[path], str(path), str(path)]
        argv += ["--proc", "/proc", "--dev", "/dev", "--chdir", str(cwd), "--"]
        return argv

    def _rules(self) -> dict[Path, str]:
        own_home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        private = (*SCRATCH, *PRIVATE, own_home, *self.hidden)
        rules = {_real(path): "--tmpfs" for path in private if path.is_dir()}
        rules.pop(Path("/"), None)
        resolver = Path("/etc/resolv.conf")
        needed = [*_python(), *self.readable, *([resolver] if self.network == "host" else [])]
        for path in map(_real, needed):
            parts = _installation(path) if rules.get(path) == "--tmpfs" else [path]
            rules |= {_real(part): "--ro-bind" for part in parts if part.exists()}
        rules |= {_real(path): "--bind" for path in self.writable}
        files = [_real(path) for path in self.hidden if path.is_file()]
        rules |= {path: _BLANK for path in files if _rule_above(path, rules) != "--tmpfs"}
        return rules


def _python() -> list[Path]:
    """What the child needs of this Python: installation, virtual environment, and this package's code."""
    package = Path(__file__).resolve().parents[1]
    return [Path(sys.base_prefix), Path(sys.prefix), package]


def _installation(prefix: Path) -> list[Path]:
    """What of a Python prefix is Python's; AIRFLOW_HOME may be the same folder, with keys and passwords."""
    return [prefix / name for name in ("bin", "include", "lib", "lib64", "pyvenv.cfg", "share")]


def _rule_above(path: Path, rules: Mapping[Path, str]) -> str | None:
    return next((rules[folder] for folder in path.parents if folder in rules), None)


def _real(path: Path) -> Path:
    return path.resolve()


def _wall(path: Path) -> Path | None:
    """The first folder above `path` that others may not enter."""
    for folder in reversed(path.resolve().parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def _hand_over(root: Path, user: User) -> None:
    os.chown(root, *user, follow_symlinks=False)
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            found = path.lstat()
            # A file with a second name may be somebody else's, linked here to be given away.
            shared = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
            if (found.st_uid, found.st_gid) != user and not shared:
                os.chown(path, *user, follow_symlinks=False)


def tool_missing(name: str) -> str | None:
    """Why `name` cannot be used, when it cannot."""
    return None if shutil.which(name) else f"`{name}` is not installed"
