"""Which isolation works on this host: found out by trying, because kernels and containers differ."""

import os
import pwd
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from bridle.errors import ConfigError
from bridle.process.remember import host_key, recall, remember
from bridle.process.sandbox import Isolation, Sandbox, User, tool_missing

PROBE = "import bridle, socket; socket.socket().bind(('127.0.0.1', 0)); open('probe', 'w').close()"
PROBE_SECONDS = 20


@dataclass(frozen=True)
class Strength:
    """What works here."""

    works: tuple[Isolation, ...]
    """Strongest first; `NONE` is always the last."""
    reasons: dict[Isolation, str]
    """Why each of the others does not."""
    user: User | None
    """The unprivileged user that children can run as; None when the task is not root, or none can be used."""

    def choose(self, wish: Isolation | None = None) -> Isolation:
        """The strongest isolation, or `wish` when it works.

        Raises:
            ConfigError: `wish` does not work here; says why.
        """
        if wish is None:
            return self.works[0]
        if wish not in self.works:
            raise ConfigError(
                f"isolation {wish.value!r} does not work on this host: {self.reasons[wish]}; "
                "mend that, or change [bridle] isolation"
            )
        return wish

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "works": [level.value for level in self.works],
            "reasons": {level.value: reason for level, reason in self.reasons.items()},
            "user": self.user,
        }

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """What `record` made."""
        user = record["user"]
        return cls(
            tuple(map(Isolation, record["works"])),
            {Isolation(level): reason for level, reason in record["reasons"].items()},
            None if user is None else (user[0], user[1]),
        )


@cache
def detect(user: str = "nobody", *, memory: Path | None = None) -> Strength:
    """Try every isolation, once per process; with a `memory`, once per host and start of its kernel.

    Args:
        user: name of the unprivileged user for children of a task that runs as root.
        memory: folder of this host that sessions cannot write, where a finding is kept for other processes.
    """
    if memory is None:
        return _probe(user)
    key = host_key(user)
    found = recall(memory, key)
    if found is not None and (believed := _believed(found, user)):
        return believed
    strength = _probe(user)
    if strength.works[0] is Isolation.SANDBOX:
        remember(memory, key, strength.record())
    return strength


def _believed(found: dict[str, Any], user: str) -> Strength | None:
    """What was found before; None unless it is the most that there can be, with the very user for it."""
    try:
        strength = Strength.of(found)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    best = strength.works[:1] == (Isolation.SANDBOX,)
    return strength if best and strength.user == _lesser(user) else None


def _probe(user: str) -> Strength:
    lesser = _lesser(user)
    reasons: dict[Isolation, str] = {}
    steps_down: User | None = None
    sandbox = tool_missing("bwrap") or _try(Sandbox(Isolation.SANDBOX))
    if sandbox:
        reasons[Isolation.SANDBOX] = sandbox
    if lesser is None:
        reasons[Isolation.USER] = (
            "the task does not run as root" if os.geteuid() else f"there is no user {user!r}"
        )
    elif missing := tool_missing("setpriv"):
        reasons[Isolation.USER] = missing
    else:
        if not sandbox and _try(Sandbox(Isolation.SANDBOX, user=lesser)) is None:
            steps_down = lesser
        if problem := _try(Sandbox(Isolation.USER, user=lesser)):
            reasons[Isolation.USER] = f"{sys.executable} cannot be run by {user!r}: {problem}"
        else:
            steps_down = lesser
    return Strength(tuple(level for level in Isolation if level not in reasons), reasons, steps_down)


def _lesser(user: str) -> User | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _try(sandbox: Sandbox) -> str | None:
    """Why `sandbox` does not work, when it does not."""
    with tempfile.TemporaryDirectory(prefix="bridle-probe-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        probing = Sandbox(sandbox.isolation, writable=(place,), user=sandbox.user)
        try:
            probing.prepare()
            done = subprocess.run(
                probing.wrap([sys.executable, "-I", "-c", PROBE], cwd=place),
                cwd=place,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except (OSError, ConfigError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode == 0:
            return None
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode} and no message"
