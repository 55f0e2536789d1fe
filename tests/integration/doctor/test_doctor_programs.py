"""What the doctor says of what is installed: git, Airflow, the agents' own programs."""

import os
import re
import shutil
import site
import sys
from pathlib import Path

import pytest
import yaml
from doctor_clinic import HERE, Seen, Told, doctor, environment, instead, looked_at, without

import bridle
from bridle.doctor import files

ROLES = {
    agent: {"agent": agent, "model": model}
    for agent, model in {
        "api": "anthropic:claude-haiku-4-5",
        "claude-code": "anthropic:claude-haiku-4-5",
        "codex": "openai:gpt-5",
    }.items()
}


@pytest.mark.parametrize("git", ["old", "missing"])
def test_a_git_that_cannot_be_used_is_told(tmp_path: Path, git: str) -> None:
    folder = tmp_path / "bin"
    path = instead(folder, "git", "echo git version 2.20.1") if git == "old" else without(folder, "git")
    said = "git version 2.20.1 is too old" if git == "old" else "git cannot be run"
    told = doctor(tmp_path, environment(tmp_path, PATH=path), program=HERE)
    told.check(Seen("git", "fail", (said,), "install git 2.39 or newer"))


class Packages:
    """This Python's packages as links, so that one can be changed, or taken away, for one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "packages"
        self.place.mkdir()
        (installed,) = (Path(each) for each in site.getsitepackages() if each.startswith(sys.prefix))
        for path in installed.iterdir():
            (self.place / path.name).symlink_to(path)

    def take(self, *names: str) -> None:
        """Take packages away."""
        for name in names:
            (self.place / name).unlink()

    def copy(self, name: str, *without: str) -> Path:
        """Make a package one of its own, but for some of its files."""
        original = (self.place / name).resolve()
        (self.place / name).unlink()
        copied = shutil.copytree(original, self.place / name, ignore=shutil.ignore_patterns(*without))
        return Path(copied)

    def told(self, **more: str) -> Told:
        """What the doctor says in a process that has these packages only."""
        roles = self.folder / "roles.yaml"
        roles.write_text(yaml.safe_dump({"roles": ROLES}))
        own = str(Path(bridle.__file__).parents[1])
        main = f"import sys; sys.path[:0] = [{str(self.place)!r}, {own!r}]; sys.argv[0] = 'bridle'; "
        main += "from bridle.cli import app; app()"
        env = environment(self.folder, AIRFLOW__BRIDLE__ROLES_FILE=str(roles), **more)
        # nothing is compiled on the way, and nothing else is on the path
        return doctor(self.folder, env, program=(sys.executable, "-B", "-I", "-S", "-c", main))


def program(path: Path, script: str) -> None:
    """A program in place of an agent's own."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """An installation that was cut short, and one that is not compiled."""
    packages = Packages(tmp_path_factory.mktemp("broken"))
    packages.take("pydantic_ai")
    packages.copy("pydantic", "__pycache__")
    (metadata,) = packages.place.glob("apache_airflow_core-*.dist-info")
    core = packages.copy(metadata.name) / "METADATA"
    core.write_text(re.sub(r"(?m)^Version: .*", "Version: 3.2.9", core.read_text(), count=1))
    core.parent.rename(core.parent.with_name("apache_airflow_core-3.2.9.dist-info"))
    codex = packages.copy("codex_cli_bin", "codex") / "bin" / "codex"
    codex.parent.mkdir(exist_ok=True)
    program(codex, "echo cannot execute >&2; exit 126")
    claude = packages.copy("claude_agent_sdk", "claude", "__pycache__") / "_bundled" / "claude"
    claude.parent.mkdir(exist_ok=True)
    program(claude, "exit 1")
    return packages.told()


@pytest.mark.parametrize(
    "seen",
    [
        Seen("bytecode", "warn", ("not compiled",), " -m compileall -q "),
        Seen("Airflow", "fail", ("3.2.", "too old"), "apache-airflow>=3.3"),
        Seen("agent api", "fail", ("pydantic_ai is not installed",), "pip install 'airflow-bridle'"),
        Seen("agent codex", "fail", ("codex does not run", "126"), "openai-codex-cli-bin"),
        Seen("agent claude-code", "fail", ("claude does not run", "status 1"), "claude-agent-sdk"),
    ],
    ids=str,
)
def test_an_installation_that_is_broken_is_told(broken: Told, seen: Seen) -> None:
    broken.check(seen)


def test_agents_whose_packages_or_programs_are_missing_are_told(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    packages.take("claude_agent_sdk")
    packages.copy("codex_cli_bin", "codex")
    packages.told().check(
        Seen("agent claude-code", "fail", ("claude_agent_sdk is not installed",), "airflow-bridle[claude]"),
        Seen("agent codex", "fail", ("openai-codex-cli-bin is there, but not its program",), "pip install"),
        Seen("agent api", "ok", ("pydantic_ai is installed",)),
    )
    packages = Packages(tmp_path / "another") if (tmp_path / "another").mkdir() is None else packages
    packages.copy("claude_agent_sdk", "claude")
    path = without(tmp_path / "bin", "claude")
    seen = Seen("agent claude-code", "fail", ("is there, but not its program",), "claude-agent-sdk")
    packages.told(PATH=path).check(seen)


def test_an_allow_list_without_a_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.yaml").write_text("repositories: {}\n")
    monkeypatch.setenv("AIRFLOW__BRIDLE__REPOSITORIES_FILE", str(tmp_path / "empty.yaml"))
    found = looked_at(files.repositories, tmp_path)
    Seen("repositories.yaml", "warn", ("no repository",), "add yours").check(found)


def test_models_that_are_played_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "script.yaml").touch()
    monkeypatch.setenv("AIRFLOW__BRIDLE__GATEWAY_MODE", "script")
    monkeypatch.setenv("AIRFLOW__BRIDLE__SCRIPT", str(tmp_path / "script.yaml"))
    found = looked_at(files.settings, tmp_path)
    Seen("gateway_mode", "warn", (f"{tmp_path}/script.yaml",), "unset [bridle] gateway_mode").check(found)


def test_a_setting_that_is_none_of_its_choices_is_told_once(tmp_path: Path) -> None:
    env = environment(tmp_path, AIRFLOW_HOME=str(tmp_path / "a"), AIRFLOW__BRIDLE__ISOLATION="jail")
    told = doctor(tmp_path, env, program=HERE)
    told.check(Seen("settings", "fail", ("[bridle] isolation is 'jail'", "sandbox"), "put that right"))
    assert [each["what"] for each in told.findings if "jail" in each["said"]] == ["settings"]
    assert os.environ.get("AIRFLOW__BRIDLE__ISOLATION") != "jail"
