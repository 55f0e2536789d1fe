"""The demo's repository is real: its history builds, its bug is there, and the script's edits mend it."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridle.config.repositories import Repositories
from bridle.demo.sample import CHECK, NAME, Sample, files
from bridle.models import Answer, Findings, Plan, Review
from bridle.workspace.git import git

SOURCE = Sample(Path()).source


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    made = Sample(tmp_path / "demo")
    made.reset()
    return made


def check_out(sample: Sample, revision: str, to: Path) -> Path:
    to.mkdir()
    git(
        "checkout",
        "--quiet",
        "--force",
        revision,
        "--",
        ".",
        git_dir=sample.remote,
        work_tree=to,
        index=to / "../index",
    )
    return to


def failing_tests(tree: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "Ran " in done.stderr
    return [line.split()[1] for line in done.stderr.splitlines() if line.startswith(("FAIL:", "ERROR:"))]


def script() -> dict[str, list[list[dict[str, Any]]]]:
    return yaml.safe_load((SOURCE / "script.yaml").read_text())


def operations(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [op for turn in turns for op in turn.get("ops", [])]


def apply(turns: Iterable[dict[str, Any]], tree: Path) -> None:
    for op in operations(turns):
        if op["op"] == "edit":
            path = tree / op["path"]
            text = path.read_text()
            assert text.count(op["old"]) == 1, f"{op['path']} must contain the text to replace exactly once"
            path.write_text(text.replace(op["old"], op["new"]))


def test_the_newest_commit_is_the_plain_files(sample: Sample, tmp_path: Path) -> None:
    tree = check_out(sample, "main", tmp_path / "tree")
    shipped = {
        path.relative_to(SOURCE / "repository"): path.read_bytes() for path in files(SOURCE / "repository")
    }
    assert {path.relative_to(tree): path.read_bytes() for path in files(tree)} == shipped


def test_the_same_commits_come_out_every_time(sample: Sample) -> None:
    first = git("rev-parse", "main", git_dir=sample.remote).decode().strip()
    assert sample.reset() == first


def test_exactly_one_test_fails_on_main(sample: Sample, tmp_path: Path) -> None:
    assert failing_tests(check_out(sample, "main", tmp_path / "tree")) == [
        "test_a_pallet_costs_the_best_volume_price"
    ]


def test_the_history_shows_when_the_bug_came_in(sample: Sample, tmp_path: Path) -> None:
    subjects = git("log", "--reverse", "--format=%s", "main", git_dir=sample.remote).decode().splitlines()
    assert len(subjects) >= 4
    for age in range(len(subjects)):
        tree = check_out(sample, f"main~{age}", tmp_path / f"tree{age}")
        assert len(failing_tests(tree)) == (1 if age == 0 else 0)
    blamed = git(
        "log", "-1", "--format=%s", "main", "--", "pantry/catalogue.py", git_dir=sample.remote
    ).decode()
    assert blamed.strip() == "Price list: small quantities first"


def test_round_1_of_the_script_mends_the_failing_test_and_breaks_another(
    sample: Sample, tmp_path: Path
) -> None:
    tree = check_out(sample, "main", tmp_path / "tree")
    apply(script()["fix.implement_1"][0], tree)
    assert failing_tests(tree) == ["test_the_price_list_goes_from_small_to_large_quantities"]


def test_after_round_2_of_the_script_every_test_passes(sample: Sample, tmp_path: Path) -> None:
    tree = check_out(sample, "main", tmp_path / "tree")
    for turns in script()["fix.implement_1"]:
        apply(turns, tree)
    assert failing_tests(tree) == []


def test_the_check_runs_every_test(sample: Sample) -> None:
    allowed = Repositories.read(sample.allow_list).get(NAME)
    assert allowed.check_command("") == CHECK
    assert allowed.url == f"file://{sample.remote}"
    assert allowed.issues == sample.issues


@pytest.mark.parametrize(
    ("task", "model"),
    [("investigate", Findings), ("fix.review_1", Review), ("answer", Answer), ("plan", Plan)],
)
def test_the_scripted_answers_are_what_the_workflow_asks_for(task: str, model: Any) -> None:
    for turns in script()[task]:
        model.model_validate(turns[-1]["output"])


def test_the_script_reads_and_edits_only_files_that_exist() -> None:
    for sessions in script().values():
        for op in [op for turns in sessions for op in operations(turns)]:
            if "path" in op:
                assert (SOURCE / "repository" / op["path"]).is_file(), op["path"]


def test_every_issue_has_a_title_an_author_and_a_state() -> None:
    for number in range(1, 5):
        _, front, body = (SOURCE / "issues" / f"{number}.md").read_text().split("---\n", 2)
        assert {"title", "author", "association", "labels", "state", "created_at"} <= set(
            yaml.safe_load(front)
        )
        assert body.strip()


@pytest.mark.attack
def test_the_first_issue_carries_a_hidden_instruction() -> None:
    assert "<!--" in (SOURCE / "issues" / "1.md").read_text()
