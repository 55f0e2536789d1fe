"""What is installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from packaging.version import Version

from bridle.agents import find
from bridle.doctor.finding import Finding, fail, ok, warn
from bridle.doctor.patient import Patient
from bridle.workspace.git import require_git

AIRFLOW = "3.3"
SDKS = {"api": "pydantic_ai", "claude-code": "claude_agent_sdk", "codex": "codex_cli_bin"}
EXTRAS = {"claude-code": "claude", "codex": "codex"}
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
    try:
        found = version("apache-airflow-core")
    except PackageNotFoundError:
        yield fail("Airflow", "not installed", f"pip install 'apache-airflow>={AIRFLOW}'")
        return
    if Version(found) < Version(AIRFLOW):
        yield fail("Airflow", f"{found} is too old", f"pip install 'apache-airflow>={AIRFLOW}'")
    else:
        yield ok("Airflow", found)


def git(patient: Patient) -> Iterator[Finding]:
    """The git that every clone is made with."""
    yield ok("git", f"{'.'.join(map(str, require_git()))} at {shutil.which('git')}")


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
        elif agent == "claude-code":
            yield _claude_code()
        else:
            yield ok(f"agent {agent}", f"{module} is installed")


def _claude_code() -> Finding:
    package = _file("claude_agent_sdk")
    bundled = package.parent / "_bundled" / "claude" if package else None
    program = str(bundled) if bundled and bundled.is_file() else shutil.which("claude")
    remedy = "pip install --force-reinstall claude-agent-sdk"
    if program is None:
        return fail("agent claude-code", "the SDK is there, but no `claude` program", remedy)
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
        return fail("agent claude-code", f"{program} does not run: {error}", remedy)
    return ok("agent claude-code", f"{said} at {program}")


def _file(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin) if spec and spec.origin else None
