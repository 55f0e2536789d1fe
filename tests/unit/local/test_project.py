"""`bridle init` gives; it never takes."""

from pathlib import Path

import pytest

from bridle.config.starter import starter_dir
from bridle.errors import ConfigError
from bridle.local.project import lay_down


def test_dags_and_include_are_laid_down(tmp_path: Path) -> None:
    laid = lay_down(tmp_path)
    assert tmp_path / "dags" / "issue_fix.py" in laid.written
    assert tmp_path / "include" / "roles.yaml" in laid.written
    assert not list(tmp_path.rglob("__pycache__"))
    assert not (tmp_path / "include" / "demo").exists()
    assert laid.kept == ()


def test_a_file_that_is_there_is_never_touched(tmp_path: Path) -> None:
    mine = tmp_path / "include" / "roles.yaml"
    mine.parent.mkdir()
    mine.write_text("mine")
    laid = lay_down(tmp_path)
    assert mine.read_text() == "mine"
    assert laid.kept == (mine,)


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    lay_down(tmp_path)
    again = lay_down(tmp_path)
    assert (again.written, again.kept) == ((), ())


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        lay_down(tmp_path / "file")


def test_a_project_may_be_laid_down_with_roles_for_a_single_key(tmp_path: Path) -> None:
    lay_down(tmp_path, roles="roles.anthropic.yaml")
    shipped = starter_dir() / "include" / "roles.anthropic.yaml"
    assert (tmp_path / "include" / "roles.yaml").read_bytes() == shipped.read_bytes()
    assert not (tmp_path / "include" / "roles.anthropic.yaml").exists()
