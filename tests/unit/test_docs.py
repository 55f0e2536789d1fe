"""The documentation is true: links lead somewhere, examples are valid, repeated facts are generated."""

import ast
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel

import bridle
from bridle.cli import app
from bridle.config.repositories import Repositories
from bridle.config.roles import Roles
from bridle.gateway.script import Script

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page.name}-{at}")
        for page in PAGES
        for at, (kind, block) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if kind == language
    ]


def anchors(page: Path) -> set[str]:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            dead.append(target)
    assert dead == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name}" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_repeats_the_code_is_what_the_code_says(page: Path) -> None:
    """`make docs` brings it up to date."""
    text = page.read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "docs" / "generate.py"))["up_to_date"](text) == text


@pytest.mark.parametrize("block", blocks("python"))
def test_python_examples_are_python_and_import_what_exists(block: str) -> None:
    tree = ast.parse(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bridle"):
            ast_names = [alias.name for alias in node.names]
            namespace: dict[str, object] = {}
            exec(f"from {node.module} import {', '.join(ast_names)}", namespace)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    ours = {name for name in named if name.endswith(("Operator", "Sensor"))}
    assert {name for name in ours if name not in bridle.__all__} <= {"BaseOperator", "EmptyOperator"}


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_examples_are_what_bridle_reads(block: str) -> None:
    """Roles, repositories, or a script."""
    content = yaml.safe_load(block)
    kinds: dict[str, type[BaseModel]] = {"roles": Roles, "repositories": Repositories}
    kinds.get(next(iter(content)), Script).model_validate(content)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    assert {name for name in named if f"def {name}(" not in sources} == set()


def commands() -> Iterator[object]:
    for page in PAGES:
        for at, (language, block) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if language != "console":
                continue
            for line in block.replace("\\\n", " ").splitlines():
                if found := re.match(r"\$ (?:\w+=\S* )*bridle (.*)", line):
                    yield pytest.param(found[1], id=f"{page.name}-{at}-{found[1][:30]}")


@pytest.mark.parametrize("line", list(commands()))
def test_commands_and_their_options_exist(line: str) -> None:
    words = shlex.split(line, comments=True)
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known | {"--help"}
