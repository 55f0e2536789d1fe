"""roles.yaml, repositories.yaml and prompts: wrong input gets one clear error."""

from pathlib import Path

import pytest

from bridle.config.prompts import render
from bridle.config.repositories import Repositories
from bridle.config.roles import Roles
from bridle.config.starter import starter_dir
from bridle.errors import ConfigError, RepositoryError


def test_the_shipped_roles_and_repositories_are_valid() -> None:
    include = starter_dir() / "include"
    assert {"classifier", "explorer", "planner", "implementer", "reviewer"} <= set(
        Roles.read(include / "roles.yaml").roles
    )
    assert Repositories.read(include / "repositories.yaml").repositories == {}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("roles:\n  a:\n    agent: api\n    model: haiku\n", 4, "has no provider"),
        ("roles:\n  a:\n    agent: api\n    model: x:y\n    limits:\n      turns: many\n", 6, "turns"),
        ("roles:\n  a: {agent: api, model: 'x:y', colour: red}\n", 2, "colour"),
        ("roles: [\n", 2, "not valid YAML"),
        ("", 1, "roles"),
    ],
)
def test_an_error_in_roles_yaml_names_file_line_and_key(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=what) as error:
        Roles.read(path)
    assert str(error.value).startswith(f"{path}:{line}:")


def test_an_unknown_role_or_repository_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("roles:\n  writer: {agent: api, model: 'x:y'}\n")
    with pytest.raises(ConfigError, match="it has: writer"):
        Roles.read(path).get("painter")
    path.write_text("repositories:\n  a/b: {checks: {tests: make test}}\n")
    known = Repositories.read(path)
    with pytest.raises(RepositoryError, match="has: a/b"):
        known.get("c/d")
    with pytest.raises(RepositoryError, match="it has: tests"):
        known.get("a/b").check_command("lint")
    assert known.get("a/b").check_command("") == "make test"
    assert known.get("a/b").name == "a/b"


def test_a_local_forge_needs_its_places(tmp_path: Path) -> None:
    path = tmp_path / "repositories.yaml"
    path.write_text("repositories:\n  demo:\n    forge: local\n    checks: {t: 'true'}\n")
    with pytest.raises(ConfigError, match=r":2:.*needs `url`"):
        Repositories.read(path)


def test_an_undefined_name_in_a_prompt_is_an_error_that_says_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "p.md"
    path.write_text("{{ issue.text }} {{ nothing }}")
    with pytest.raises(ConfigError, match=r"nothing.*gives it: issue"):
        render(path, {"issue": {"text": "x"}})
    path.write_text("a\n{% if %}")
    with pytest.raises(ConfigError, match=r"p\.md:2:"):
        render(path, {})


def test_values_are_text_and_never_templates_themselves(tmp_path: Path) -> None:
    path = tmp_path / "p.md"
    path.write_text("{{ text }}")
    assert render(path, {"text": "{{ 7 * 7 }}"}).text == "{{ 7 * 7 }}"


def test_every_shipped_prompt_and_template_compiles() -> None:
    from jinja2.sandbox import SandboxedEnvironment

    include = starter_dir() / "include"
    files = [*(include / "prompts").iterdir(), *(include / "templates").iterdir()]
    assert files
    for path in files:
        SandboxedEnvironment().parse(path.read_text())
