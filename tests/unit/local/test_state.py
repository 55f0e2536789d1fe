"""The small files of a stack's folder."""

import stat
from pathlib import Path

from bridle.local.files import write_private
from bridle.local.folder import StateFolder
from bridle.local.keys import Keys
from bridle.local.options import StackOptions
from bridle.local.report import ComponentReport, Report


def test_keys_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    keys = Keys.load(tmp_path / "keys.json")
    assert Keys.load(tmp_path / "keys.json") == keys
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert Keys() != keys


def test_options_and_reports_come_back_as_they_went(tmp_path: Path) -> None:
    options = StackOptions(dags=tmp_path, include=tmp_path / "include", port=1, env={"A": "b"}, fast=True)
    options.write(tmp_path / "options.json")
    assert StackOptions.read(tmp_path / "options.json") == options
    report = Report(phase="ready", message="", pid=1, started=2.5, components={"x": ComponentReport(3, 1)})
    report.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == report
    assert Report.read(tmp_path / "none.json") is None


def test_a_replaced_file_was_never_open_to_others(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_keeps_itself_out_of_git_and_out_of_listings(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    assert (folder.path / ".gitignore").read_text() == "*\n"
    assert not folder.path.stat().st_mode & 0o066
