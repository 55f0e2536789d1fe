"""The trigger forms of the shipped workflows."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
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
        "budget_tokens": Param(
            None,
            type=["integer", "null"],
            exclusiveMinimum=0,
            title="Budget (tokens)",
            description="Of the whole run, input and output together. Empty: no cap.",
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


def goal_loop_params(*, beside: Path) -> dict[str, Param]:
    """Parameters of `goal_loop`; the form offers only what the allow-list has.

    Args:
        beside: the DAG file.

    Raises:
        ConfigError: repositories.yaml is malformed; Airflow shows it as the DAG's import error.
    """
    known = repositories_in_force(Settings.load(), beside=beside.parent).repositories
    checks = sorted({check for repository in known.values() for check in repository.checks})
    single = issue_fix_params(beside=beside)
    text = ["string", "null"]
    return {
        "goal": Param(
            type="string",
            minLength=1,
            maxLength=1000,
            title="Goal",
            description="In a sentence or two; the prompts are made of it.",
        ),
        "repo": single["repo"],
        "base": single["base"],
        "done_when": Param(
            None,
            type=["array", "null"],
            items={"type": "string", "enum": checks} if checks else {"type": "string"},
            examples=checks,
            title="Done when these checks pass",
            description="Empty: the repository's first, unless there are demands below.",
        ),
        "rubric": Param(
            None,
            type=text,
            format="multiline",
            title="and these demands are met",
            description="Judged by a separate session that must cite files and lines.",
        ),
        "workers": Param(3, type="integer", minimum=1, maximum=10, title="Workers side by side"),
        "worker_check": Param(
            None,
            type=text,
            enum=[None, *checks],
            values_display={"null": "none", **{name: name for name in checks}},
            title="Check of each worker",
            description="What fails it is left out of the round.",
        ),
        "max_rounds": Param(10, type="integer", minimum=1, maximum=500, title="Rounds at most"),
        "budget_usd": Param(
            10.0,
            type=["number", "null"],
            exclusiveMinimum=0,
            title="Budget (US dollars)",
            description="Of all rounds together.",
        ),
        "hours": Param(None, type=["number", "null"], exclusiveMinimum=0, title="Hours until the deadline"),
        "patience": Param(
            3,
            type="integer",
            minimum=1,
            title="Patience",
            description="Rounds without progress before it stops.",
        ),
        "human_review": Param(
            "on doubt",
            type="string",
            enum=["never", "each round", "on doubt"],
            title="Ask a human after a round",
        ),
        "loop_id": Param(
            None,
            type=text,
            title="Loop",
            description="Empty: a new one. Later rounds are begun by the loop itself.",
        ),
        "round": Param(1, type="integer", minimum=1, title="Round"),
    }


def spec_routine_params(
    *, beside: Path, repo: str | None = None, spec: str | None = None
) -> dict[str, Param]:
    """Parameters of `spec_routine`; the form offers only what the allow-list has.

    Args:
        beside: the DAG file.
        repo: default repository.
        spec: default path.

    Raises:
        ConfigError: repositories.yaml is malformed; Airflow shows it as the DAG's import error.
    """
    single = issue_fix_params(beside=beside)
    repository = single["repo"]
    if repo is not None:
        repository.value = repo
    formats = ["checkbox", "speckit", "kiro", "openspec", "prd_json"]
    return {
        "repo": repository,
        "spec": Param(
            spec or "PLAN.md",
            type="string",
            minLength=1,
            title="Spec file",
            description="Its path in the repository: PLAN.md, specs/001-name/tasks.md, prd.json …",
        ),
        "mode": Param(
            "one",
            type="string",
            enum=["one", "continuous"],
            values_display={"one": "one task a run", "continuous": "the next run starts at once"},
            title="Mode",
        ),
        "max_tasks": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            title="Tasks at most",
            description="Of all runs that follow each other; empty: all that there are.",
        ),
        "base": single["base"],
        "check": single["check"],
        "budget_usd": Param(
            2.0,
            type=["number", "null"],
            exclusiveMinimum=0,
            title="Budget (US dollars)",
            description="Of each run.",
        ),
        "approvals": Param(
            None,
            type=["array", "null"],
            items={"type": "string", "enum": ["before_pull_request"]},
            examples=["before_pull_request"],
            values_display={"before_pull_request": "Before each push to the draft pull request"},
            title="Ask a human",
        ),
        "attempts": Param(
            2,
            type="integer",
            minimum=1,
            maximum=20,
            title="Attempts",
            description="Failed ones after which a task is blocked.",
        ),
        "on_blocked": Param(
            "skip",
            type="string",
            enum=["skip", "hold"],
            values_display={"skip": "go on with other tasks", "hold": "wait for a human"},
            title="When a task is blocked",
        ),
        "format": Param(
            None,
            type=["string", "null"],
            enum=[None, *formats],
            values_display={"null": "found out", **{name: name for name in formats}},
            title="Format",
        ),
    }


def bisect_params(*, beside: Path) -> dict[str, Param]:
    """Parameters of `bridle_bisect`; the form offers only the checks that the allow-list has.

    Args:
        beside: the DAG file.

    Raises:
        ConfigError: repositories.yaml is malformed; Airflow shows it as the DAG's import error.
    """
    return {
        "scope": Param(
            "run:",
            type="string",
            minLength=1,
            title="Run or loop",
            description="run:dag/run or loop:id",
        ),
        "check": issue_fix_params(beside=beside)["check"],
        "jobs": Param(
            1,
            type="integer",
            minimum=1,
            maximum=16,
            title="Checks side by side",
            description="More of them take less time and more checks.",
        ),
    }


def specs_in_force(*, beside: Path) -> dict[str, tuple[str, str]]:
    """Specs that repositories.yaml wants to be worked on each hour: a name to repository and path."""
    known = repositories_in_force(Settings.load(), beside=beside.parent).repositories
    return named([(name, spec) for name, repository in known.items() for spec in repository.specs])


def named(specs: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Specs by names that may be part of a DAG id; two of the same name get their digests too."""
    plain = {spec: re.sub(r"[^A-Za-z0-9]+", "_", "_".join(spec)).strip("_") for spec in specs}
    count = Counter(plain.values())

    def name(spec: tuple[str, str]) -> str:
        digest = hashlib.sha256("\0".join(spec).encode()).hexdigest()[:8]
        return plain[spec] if count[plain[spec]] == 1 else f"{plain[spec]}_{digest}"

    return {name(spec): spec for spec in plain}


def watched(*, beside: Path) -> list[str]:
    """Repositories whose issues are watched."""
    known = repositories_in_force(Settings.load(), beside=beside.parent).repositories
    return [name for name, repository in known.items() if repository.watch]
