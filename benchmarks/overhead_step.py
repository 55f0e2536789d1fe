"""One step in a process of its own, done in one of the ways that benchmarks/overhead.py compares.

Prints one line of JSON: seconds and CPU seconds from the moment when Airflow's task runner is imported (which
every task has paid for) to the end of the step, and `ready`, that moment by the wall clock.
"""

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROMPT = "Set the value in settings.txt to 2."
MODEL = "claude-haiku-4-5"
GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "safe.directory=*")


def cpu_seconds() -> float:
    """Of this process and of all of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def clone(given: dict[str, Any]) -> Path:
    """A work tree, as every way without Bridle has to make one."""
    tree = Path(given["folder"]) / "tree"
    subprocess.run([*GIT, "clone", "--quiet", given["repository"], str(tree)], check=True)
    return tree


def commit(tree: Path) -> None:
    """Keep the agent's work."""
    subprocess.run([*GIT, "commit", "--quiet", "--all", "--message", "work"], cwd=tree, check=True)


def plain_claude_code(given: dict[str, Any]) -> None:
    """The SDK in the task's own process, with the tools that the step needs."""
    from claude_agent_sdk import ClaudeAgentOptions, query

    tree = clone(given)
    options = ClaudeAgentOptions(
        cwd=tree,
        model=MODEL,
        tools=["Read", "Grep", "Edit", "Write", "Bash"],
        allowed_tools=["Read", "Grep", "Edit", "Write", "Bash"],
        setting_sources=[],
        env={
            "ANTHROPIC_BASE_URL": given["model"],
            "ANTHROPIC_API_KEY": "key",
            "CLAUDE_CONFIG_DIR": str(Path(given["folder"]) / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    )

    async def run() -> None:
        async for _ in query(prompt=PROMPT, options=options):
            pass

    asyncio.run(run())
    commit(tree)


def plain_api(given: dict[str, Any]) -> None:
    """The same loop, tools and SDK as Bridle's `api` agent, in the task's own process."""
    from bridle.agents.api import ApiAgent
    from bridle.agents.base import SessionSpec

    tree = clone(given)
    home = Path(given["folder"]) / "home"
    home.mkdir()
    spec = SessionSpec(
        session_id="plain",
        agent="api",
        prompt=PROMPT,
        workdir=tree,
        home=home,
        access="write",
        model=MODEL,
        dialect="anthropic-messages",
        limits={},
        gateway_url=given["model"],
        gateway_token="key",
    )
    result = ApiAgent().run(spec, lambda event: None)
    assert result.outcome == "done", result
    commit(tree)


def bare_claude_code(given: dict[str, Any]) -> None:
    """The CLI alone, as one would call it in a shell."""
    import claude_agent_sdk

    tree = clone(given)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "ANTHROPIC"))},
        "ANTHROPIC_BASE_URL": given["model"],
        "ANTHROPIC_API_KEY": "key",
        "CLAUDE_CONFIG_DIR": str(Path(given["folder"]) / "config"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    cli = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
    command = [str(cli), "--print", PROMPT, "--model", MODEL, "--allowedTools", "Bash,Edit,Read,Write"]
    subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True)
    commit(tree)


def bridle(given: dict[str, Any], agent: str) -> None:
    """A whole step of Bridle's: fence, budget, clone, gateway, sandbox, events, commit; no check."""
    import threading
    from decimal import Decimal

    from bridle.agents.base import Limits
    from bridle.config.prompts import Prompt
    from bridle.config.repositories import Repositories
    from bridle.config.roles import Role
    from bridle.config.settings import Settings
    from bridle.harness.session import Assignment
    from bridle.harness.step import open_step
    from bridle.harness.work import Work, work
    from bridle.ledger.ids import new_id
    from bridle.ledger.records import Attempt, StepKey
    from bridle.process import guard_task

    guard_task()
    settings = Settings(
        home=Path(given["home"]),
        include_dir=None,
        repositories_file=None,
        ledger_conn_id="bridle_ledger",
        gateway_mode="live",
        script=None,
        isolation="auto",
        allow_unsandboxed=True,
    )
    entry = {"forge": "local", "url": given["repository"], "issues": "/nowhere", "checks": {"t": "true"}}
    repository = Repositories.model_validate({"repositories": {"bench": entry}}).get("bench")
    assignment = Assignment(
        role_name="implementer",
        role=Role(agent=agent, model=f"anthropic:{MODEL}"),
        limits=Limits(cost_usd=5),
        access="write",
        prompt=Prompt(PROMPT, "digest"),
    )
    attempt = Attempt(StepKey("benchmark", str(new_id()), "implement"), str(new_id()), 1, 0)
    stop = threading.Event()
    with open_step(attempt, settings=settings, beside=None, budget_usd=Decimal(5), stop=stop) as step:
        result = work(step, Work(lambda *_: assignment, repository, "main", must_change=True))
    assert result.commit != result.base


WAYS = {
    "plain claude-code": plain_claude_code,
    "bridle claude-code": lambda given: bridle(given, "claude-code"),
    "bare CLI": bare_claude_code,
    "plain api": plain_api,
    "bridle api": lambda given: bridle(given, "api"),
}


def main(way: str, given: str) -> None:
    """Do the step and print what it took."""
    if way != "bare CLI":
        import airflow.executors.local_executor  # what a task inherits from the worker that forks it
        import airflow.plugins_manager
        import airflow.sdk
        import airflow.sdk.execution_time.task_runner  # noqa: F401

        from bridle import preload

        preload.load()  # as Airflow's scheduler and workers do with the settings that `bridle up` ships

    gc.freeze()  # as Airflow's executors do before they fork: no collection looks at Airflow's own objects

    ready, began, used = time.time(), time.perf_counter(), cpu_seconds()
    WAYS[way](json.loads(given))
    took = {"ready": ready, "seconds": time.perf_counter() - began, "cpu": cpu_seconds() - used}
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
