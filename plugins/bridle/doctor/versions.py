"""What is installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from packaging.version import Version

from bridle.agents import find
from bridle.doctor.finding import Finding, fail, ok, warn
from bridle.doctor.patient import Patient
from bridle.errors import ConfigError
from bridle.workspace.git import OLDEST, require_git

AIRFLOW = "3.3"
SDKS = {"api": "pydantic_ai", "claude-code": "claude_agent_sdk", "codex": "codex_cli_bin"}
EXTRAS = {"claude-code": "claude", "codex": "codex"}
PACKAGES = {"claude-code": "claude-agent-sdk", "codex": "openai-codex-cli-bin"}
SECONDS = 20


def python(patient: Patient) -> Iterator[Finding]:
    """The interpreter, and whether its packages are compiled."""
    yield ok("Python", f"{sys.version.split()[0]} at {sys.executable}")
    source = _file("pydantic")
    if source and not Path(cache_from_source(str(source))).is_file():
        yield warn(
            "bytecode",
            "the installed packages are not compiled, and sandboxed sessions cannot: each would start "
            "seconds later",
            f"{sys.executable} -m compileall -q {source.parents[1]}",
        )


def packages(patient: Patient) -> Iterator[Finding]:
    """Bridle and Airflow."""
    yield ok("Bridle", version("airflow-bridle"))
    found = version("apache-airflow-core")
    if Version(found) < Version(AIRFLOW):
        yield fail("Airflow", f"{found} is too old", f"pip install 'apache-airflow>={AIRFLOW}'")
    else:
        yield ok("Airflow", found)


def git(patient: Patient) -> Iterator[Finding]:
    """The git that every clone is made with."""
    try:
        found = require_git()
    except ConfigError as error:
        oldest = ".".join(map(str, OLDEST))
        yield fail("git", str(error), f"install git {oldest} or newer, and have it first on PATH")
    else:
        yield ok("git", f"{'.'.join(map(str, found))} at {shutil.which('git')}")


def agents(patient: Patient) -> Iterator[Finding]:
    """What the roles in roles.yaml run, and its CLI."""
    for agent in sorted({role.agent for role in patient.roles.roles.values()}):
        module = SDKS.get(agent)
        if module is None:
            yield ok(f"agent {agent}", f"of another package, {find(agent)}")
        elif find_spec(module) is None:
            extra = EXTRAS.get(agent)
            wanted = f"airflow-bridle[{extra}]" if extra else "airflow-bridle"
            yield fail(f"agent {agent}", f"{module} is not installed", f"pip install '{wanted}'")
        elif agent == "api":
            yield ok(f"agent {agent}", f"{module} is installed")
        else:
            yield _program(agent)


def _program(agent: str) -> Finding:
    """Whether the CLI of an agent, which its package brings along, runs."""
    what, package = f"agent {agent}", PACKAGES[agent]
    program = _claude() if agent == "claude-code" else _codex()
    remedy = f"pip install --force-reinstall {package}"
    if program is None:
        return fail(what, f"{package} is there, but not its program", remedy)
    try:
        said = subprocess.run(
            [program, "--version"],
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return fail(what, f"{program} does not run: {error}", remedy)
    return ok(what, f"{said} at {program}")


def _claude() -> str | None:
    package = _file("claude_agent_sdk")
    bundled = package.parent / "_bundled" / "claude" if package else None
    return str(bundled) if bundled and bundled.is_file() else shutil.which("claude")


def _codex() -> str | None:
    from codex_cli_bin import bundled_codex_path

    try:
        return str(bundled_codex_path())
    except FileNotFoundError:
        return None


def _file(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin) if spec and spec.origin else None
