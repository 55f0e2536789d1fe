"""The workflow `fix_it`, for real: Airflow, PostgreSQL, git, agent and check; only the model is played."""

import json
from pathlib import Path

import pytest

from bridle.ledger.queries import Queries
from bridle.testing.git_repository import GitRepository
from bridle.testing.stack import running_stack
from bridle.testing.workflow import finished_run

HERE = Path(__file__).parent
FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "test_calc.py": "from calc import add\nassert add(2, 3) == 5, add(2, 3)\n",
}


@pytest.mark.slow
def test_an_issue_becomes_one_pull_request_that_passes_the_check(tmp_path: Path) -> None:
    user = GitRepository(tmp_path / "repository", FILES)
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "1.md").write_text("---\ntitle: It subtracts\n---\nadd(2, 3) should be 5.\n")
    repositories = tmp_path / "repositories.yaml"
    repositories.write_text(
        json.dumps(
            {
                "repositories": {
                    "calc": {
                        "forge": "local",
                        "url": user.path.as_uri(),
                        "issues": str(tmp_path / "issues"),
                        "checks": {"tests": "python3 test_calc.py"},
                    }
                }
            }
        )
    )
    env = {
        "AIRFLOW__BRIDLE__REPOSITORIES_FILE": str(repositories),
        "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
        "AIRFLOW__BRIDLE__SCRIPT": str(HERE / "script.yaml"),
    }

    with running_stack(dags=HERE / "dags", include=HERE / "include", env=env) as stack:
        run = finished_run(stack, "fix_it", {"repo": "calc", "issue": 1}, answer="Approve")
        with Queries(stack.ledger_url) as ledger:
            (fix,) = ledger.run("fix_it", run.run_id)

    assert run.state == "success"
    assert [check.exit_code == 0 for check in fix.checks] == [False, True]
    (pull_request,) = (tmp_path / "pulls").glob("*.md")
    assert "`python3 test_calc.py` passed" in pull_request.read_text()
    assert "a + b" in user.git("show", "bridle/issue-1:calc.py")
    assert "a - b" in user.git("show", "main:calc.py")
