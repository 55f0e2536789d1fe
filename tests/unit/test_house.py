"""The rules of the house: who may import whom, what stays out of module level, how long a file may be.

The rules are those of docs/design.md; a change here is a change there.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "plugins" / "bridle"
FILES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT: dict[str, set[str]] = {
    # what DAG files import
    "__init__": {"operators", "sensors", "rounds", "version"},
    "rounds": {"operators", "sensors", "models"},
    "params": {"config"},
    "operators": {
        *("harness", "agents", "workspace", "guard", "ledger", "config", "process", "errors", "telemetry"),
    },
    "sensors": {"operators", "harness", "ledger", "workspace"},
    # what a step does
    "harness": {
        *("agents", "gateway", "workspace", "forge", "guard", "ledger", "process", "spec"),
        *("models", "config", "errors", "telemetry"),
    },
    "telemetry": {"ledger", "guard", "version"},
    "gateway": {"agents", "ledger", "config", "errors"},
    "ledger": {"guard", "errors"},
    "guard": {"workspace", "config", "errors"},
    "forge": {"workspace", "config", "errors"},
    "spec": {"errors"},
    "workspace": {"config", "errors"},
    "config": {"agents", "errors"},
    # the child process: no keys, no database
    "agents": {"process", "errors"},
    "process": {"errors"},
    # around it
    "cli": {
        "agents",
        "config",
        "demo",
        "doctor",
        "errors",
        "gateway",
        "harness",
        "ledger",
        "local",
        "process",
        "workspace",
    },
    "demo": {"config", "errors", "process", "workspace"},
    "doctor": {
        *("agents", "config", "errors", "forge", "gateway", "ledger", "local", "process", "workspace"),
    },
    "local": {"config", "errors", "ledger"},
    "testing": {"config", "errors", "forge", "gateway", "ledger", "local", "workspace"},
    "provider_info": {"version"},
    "dashboard": {
        *("agents", "config", "errors", "gateway", "harness", "ledger", "process", "webhook", "workspace"),
    },
    "plugin": {"dashboard", "version"},
    "preload": {"harness", "gateway", "guard"},
    "webhook": set(),
    "models": set(),
    "errors": set(),
    "version": set(),
}

AT_MODULE_LEVEL = {"operators", "sensors", "rounds", "params", "plugin", "dashboard"}
"""Rooms whose modules exist only inside Airflow."""

INSIDE_FUNCTIONS = {"webhook", "config", "doctor", "forge", "gateway", "ledger", "local"}
"""Rooms that ask Airflow for a setting or a connection, and can be used without it."""

HEAVY = {
    *("airflow.api_fastapi", "anthropic", "claude_agent_sdk", "detect_secrets", "genai_prices"),
    *("github", "openai", "opentelemetry", "pydantic_ai"),
}
"""Slow to import, or not there without an extra: inside functions only."""

OURS = {  # what `config.roles` needs of the agents is plain data, and what each says that it can do
    "config": {"bridle.agents", "bridle.agents.base"},
}


@dataclass(frozen=True)
class Import:
    file: Path
    line: int
    module: str
    in_function: bool
    for_types: bool
    """Below `if TYPE_CHECKING:`, so it never runs."""

    @property
    def room(self) -> str:
        return room_of(self.file)

    def __str__(self) -> str:
        return f"{self.file.relative_to(PACKAGE)}:{self.line} imports {self.module}"


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[Import]:
    def visit(node: ast.AST, in_function: bool, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: a relative import hides which room it goes to"
            names = (
                [f"bridle.{alias.name}" for alias in node.names] if node.module == "bridle" else [node.module]
            )
            for name in names:
                yield Import(file, node.lineno, str(name), in_function, for_types)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, in_function, for_types)
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        types = for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside, types)

    return visit(ast.parse(file.read_text(encoding="utf-8")), False, False)


EVERY = [found for file in FILES for found in imports(file)]
OWN = [found for found in EVERY if found.module.partition(".")[0] == "bridle" and "." in found.module]


def is_in(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_rooms_import_downwards_only() -> None:
    def allowed(found: Import) -> bool:
        room = found.module.split(".")[1]
        return room == found.room or room in MAY_IMPORT[found.room]

    assert [str(found) for found in OWN if not allowed(found)] == []


def test_every_room_has_a_rule_and_no_rule_leads_in_a_circle() -> None:
    assert {room_of(file) for file in FILES} <= set(MAY_IMPORT)
    TopologicalSorter(MAY_IMPORT).prepare()


@pytest.mark.parametrize("room", ["agents", "process"])
def test_the_child_process_knows_neither_airflow_nor_keys_nor_database(room: str) -> None:
    """It runs what a model decides: what it cannot import it cannot leak."""
    forbidden = {
        "airflow",
        "bridle.gateway",
        "bridle.ledger",
        "bridle.forge",
        "bridle.config",
        "sqlalchemy",
        "psycopg",
    }
    assert [str(found) for found in EVERY if found.room == room and is_in(found.module, forbidden)] == []


def test_the_supervisor_needs_nothing_but_the_standard_library() -> None:
    """It runs as `python -I -S`: neither this package nor any other can be imported there."""
    from sys import stdlib_module_names

    named = {found.module.partition(".")[0] for found in imports(PACKAGE / "process" / "supervisor.py")}
    assert named <= set(stdlib_module_names)


def test_only_some_rooms_know_airflow() -> None:
    """The rest can be used, and tested, without it."""

    def allowed(found: Import) -> bool:
        return found.room in AT_MODULE_LEVEL or (
            found.room in INSIDE_FUNCTIONS and (found.in_function or found.for_types)
        )

    known = [found for found in EVERY if is_in(found.module, {"airflow"})]
    assert [str(found) for found in known if not allowed(found)] == []


def test_slow_libraries_are_imported_inside_functions() -> None:
    """Each task process, and each parse of a DAG file, would pay; neither loads the dashboard."""
    slow = [found for found in EVERY if is_in(found.module, HEAVY) and found.room != "dashboard"]
    dashboard = [
        found for found in OWN if found.room != "dashboard" and is_in(found.module, {"bridle.dashboard"})
    ]
    assert [str(found) for found in slow + dashboard if not (found.in_function or found.for_types)] == []


@pytest.mark.parametrize("room", OURS)
def test_lower_rooms_take_only_plain_data_from_their_neighbours(room: str) -> None:
    taken = {found.module for found in OWN if found.room == room and is_in(found.module, {"bridle.agents"})}
    assert taken <= OURS[room]


def test_no_file_is_longer_than_400_lines() -> None:
    sources = [
        *FILES,
        *CHECKOUT.glob("dags/*.py"),
        *CHECKOUT.glob("benchmarks/*.py"),
        *CHECKOUT.glob("tests/**/*.py"),
    ]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {str(path): count for path, count in lines.items() if count > 400} == {}


def test_every_folder_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(PACKAGE))
        for file in FILES
        if file.name == "__init__.py" and not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []
