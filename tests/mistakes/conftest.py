"""Everything that a user can get wrong, one thing at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mistakes_scene import SAYS_HELLO, Scene

from bridle.config.settings import Settings
from bridle.testing.git_repository import GitRepository
from bridle.testing.model_server import ModelServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """How docs/errors.yaml is brought up to date."""
    parser.addoption("--write-messages", action="store_true", help="put what is seen on record")


@pytest.fixture
def scene(tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A user's repository, issue, roles, prompts, ledger and model; nothing is wrong yet."""
    Settings.load()  # Airflow's import sets logging up: before pytest listens to the test
    script = tmp_path / "script.yaml"
    script.write_text(yaml.safe_dump(SAYS_HELLO))
    user = GitRepository(tmp_path / "user", {"a.txt": "a\n"})
    with ModelServer(script) as model:
        yield Scene(tmp_path, ledger_url, user, model, monkeypatch)
