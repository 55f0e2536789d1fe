"""The one door to git: every git process of the harness starts here.

Such a process sees nothing of the caller's environment beyond a short list, reads no configuration but the
harness's own, and is never pointed at a `.git` that a session can write.
"""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Required, TypedDict, Unpack

from bridle.errors import ConfigError, RepositoryError
from bridle.workspace.room import no_room, out_of_room, telling

OLDEST = (2, 39)
"""Oldest git that this code was written against."""

SETTINGS: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.pager": "cat",
    "core.editor": "false",
    "core.quotePath": "false",
    "core.fileMode": "true",
    "core.symlinks": "true",
    "core.ignoreCase": "false",
    "core.precomposeUnicode": "false",
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "credential.helper": "",
    "credential.interactive": "false",
    "diff.external": "",
    "diff.ignoreSubmodules": "all",
    "diff.renames": "true",
    "fetch.recurseSubmodules": "false",
    "fetch.fsckObjects": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
    "safe.directory": "*",
    "safe.bareRepository": "all",
}
"""Beats every configuration file; credentials are added by the caller, for one process, the same way."""

_FIXED: Mapping[str, str] = {
    "HOME": "/nonexistent",  # curl would read a .netrc there
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("harness.gitconfig")),
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_ALLOW_PROTOCOL": "file:http:https:ssh:git",
}
_FOLDER_WENT = "unable to create temporary file: No such file or directory"
"""What git says when the `gc` of another process removed the empty folder that it had just made for an
object; the same again makes another."""
_PROXY = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_PASSED_ON = ("PATH", "TMPDIR", "SSH_AUTH_SOCK", *_PROXY, *map(str.upper, _PROXY))


@dataclass(frozen=True)
class Finished:
    """A git process that has ended."""

    exit_code: int
    output: bytes
    errors: str


class Options(TypedDict, total=False):
    """How to run git; only `git_dir` must be given."""

    git_dir: Required[Path]
    """Repository to work in; never one that a session can write."""
    work_tree: Path
    """Folder with the files, for commands that need one; also the current directory."""
    index: Path
    """Index file, for commands that need one."""
    stdin: bytes
    """What git reads."""
    settings: Mapping[str, str]
    """Further configuration, for instance a credential; never seen in the argument list."""
    env: Mapping[str, str]
    """Further variables, for instance the author of a commit."""
    timeout_seconds: float
    """Default 300."""
    keep_open: Sequence[int]
    """File descriptors that git inherits, for instance a lock that it shall hold as long as it lives."""


def git(*arguments: str, **options: Unpack[Options]) -> bytes:
    """Run git and return what it printed.

    Raises:
        RepositoryError: git said no, or took too long; the message has git's words.
        NoRoom: this host's disk is full.
    """
    done = run(*arguments, **options)
    if done.exit_code != 0:
        where = options.get("work_tree", options["git_dir"])
        said = done.errors or "no message"
        if no_room(said):
            raise out_of_room(f"git {arguments[0]} in {where}: {telling(said)}")
        raise RepositoryError(f"git {arguments[0]} in {where} ended with {done.exit_code}: {said}")
    return done.output


def run(*arguments: str, **options: Unpack[Options]) -> Finished:
    """Like `git`, for callers that read the exit code themselves.

    Raises:
        RepositoryError: git took too long.
        ConfigError: there is no git, or it is too old.
    """
    require_git()
    done = _run(*arguments, **options)
    if done.exit_code != 0 and _FOLDER_WENT in done.errors:
        return _run(*arguments, **options)
    return done


def _run(*arguments: str, **options: Unpack[Options]) -> Finished:
    where = options.get("work_tree", options["git_dir"])
    patience = options.get("timeout_seconds", 300.0)
    process = subprocess.Popen(
        ["git", *arguments],
        cwd=where,
        env=_environment(options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=options.get("keep_open", ()),
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(options.get("stdin", b""), timeout=patience)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise RepositoryError(f"git {arguments[0]} in {where} took longer than {patience:g} s") from error
    except BaseException:
        _end(process)
        raise
    return Finished(process.returncode, output, errors.decode("utf-8", "replace").strip()[-2000:])


@cache
def require_git() -> tuple[int, ...]:
    """Version of the git on this host.

    Raises:
        ConfigError: there is none, or it is older than `OLDEST`.
    """
    try:
        said = subprocess.run(
            ["git", "version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"git cannot be run ({error}); install git {_dotted(OLDEST)} or newer") from error
    found = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if found < OLDEST:
        raise ConfigError(f"{said.strip()} is too old; install git {_dotted(OLDEST)} or newer")
    return found


def text(raw: bytes) -> str:
    """Bytes out of git as text that a database takes: what is not UTF-8 is shown as `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def _environment(options: Options) -> dict[str, str]:
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables |= _FIXED
    if authority := os.environ.get("SSL_CERT_FILE"):
        variables["GIT_SSL_CAINFO"] = authority
    variables["GIT_DIR"] = str(options["git_dir"])
    if "work_tree" in options:
        variables["GIT_WORK_TREE"] = str(options["work_tree"])
    if "index" in options:
        variables["GIT_INDEX_FILE"] = str(options["index"])
    settings = {**SETTINGS, **options.get("settings", {})}
    variables["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**variables, **options.get("env", {})}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it started; politely first, so that it removes its own lock files."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
            return


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
