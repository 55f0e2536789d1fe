"""The trigger form of the shipped workflows."""

from pathlib import Path

from airflow.sdk import Param

from bridle.config.repositories import repositories_in_force
from bridle.config.settings import Settings

APPROVALS = {
    "before_pull_request": "Before the draft pull request is opened",
    "plan": "Of the plan, before anything is implemented",
}


def issue_fix_params(*, beside: Path) -> dict[str, Param]:
    """Parameters of `issue_fix`; the form offers only what the allow-list has.

    A check is chosen by name: the right to trigger a run must not be a shell on a worker.

    Args:
        beside: the DAG file.

    Raises:
        ConfigError: repositories.yaml is malformed; Airflow shows it as the DAG's import error.
    """
    repositories = repositories_in_force(Settings.load(), beside=beside.parent)
    names = list(repositories.repositories)
    checks = sorted(
        {check for repository in repositories.repositories.values() for check in repository.checks}
    )
    return {
        "repo": Param(
            names[0] if names else None,
            type="string" if names else ["string", "null"],
            enum=names or [None],
            values_display=None if names else {"null": "none yet"},
            title="Repository",
            description="Those in include/repositories.yaml.",
        ),
        "issue": Param(1, type="integer", minimum=1, title="Issue number"),
        "base": Param(
            None,
            type=["string", "null"],
            title="Base branch",
            description="Empty: the repository's default.",
        ),
        "check": Param(
            None,
            type=["string", "null"],
            enum=[None, *checks],
            values_display={"null": "the repository's first", **{name: name for name in checks}},
            title="Check",
            description="Decides whether the work is done.",
        ),
        "budget_usd": Param(
            2.0,
            type=["number", "null"],
            exclusiveMinimum=0,
            title="Budget (US dollars)",
            description="Of the whole run.",
        ),
        "approvals": Param(
            ["before_pull_request"],
            type=["array", "null"],
            items={"type": "string", "enum": list(APPROVALS)},
            examples=list(APPROVALS),
            values_display=APPROVALS,
            title="Ask a human",
        ),
    }
