"""One step done by a coding agent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridle.agents.base import Access, Limits
from bridle.config.roles import RoleChanges, Tool
from bridle.operators.role import RoleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from pydantic import BaseModel

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class AgentSessionOperator(RoleOperator):
    """Let an agent work in a clone of its own; with a `check`, in rounds until the check passes.

    Every round is a fresh session. The check runs outside the session on the commit that the harness made of
    its work; when it fails, the next session is given the tail of its output. What is pushed to XCom is a
    `bridle.harness.result.StepResult`, key by key.

    Args:
        role: name in roles.yaml: agent, model and limits.
        prompt: file below `include/prompts/`, a Jinja template that sees `inputs` and nothing else, besides
            `check` (the command), `feedback` (the tail of the last failure, empty in round 1) and `round`.
        inputs: what the prompt may see. Templated; references to large results are fetched.
        repo: name on the allow-list (include/repositories.yaml). Templated.
        base: commit or branch to start from; empty: the repository's default branch. Templated.
        diff_from: commit; when given, the prompt sees as `diff` the patch from there to `base`. Templated.
        access: `read` sessions' changes are thrown away and reported, `write` sessions' are committed.
        output_type: pydantic model of the answer; its value is pushed as `result`.
        check: name of a check of the repository (empty: its first); None: no check. Templated.
        acceptance: commands of a spec's task that are the check instead, where repositories.yaml allows them.
            Templated.
        max_rounds: sessions at most until the check passes.
        agent: instead of the role's.
        model: `provider:model`, instead of the role's.
        fallback: models to go on with when that one's provider is away, instead of the role's.
        effort: instead of the role's.
        tools: out of read, search, edit, write, shell, instead of the role's.
        limits: single limits, instead of the role's.
    """

    template_fields: Sequence[str] = ("inputs", "repo", "base", "diff_from", "check", "acceptance")
    ui_color = "#e6edff"

    def __init__(
        self,
        *,
        role: str,
        prompt: str,
        inputs: Mapping[str, Any] | None = None,
        repo: str = "{{ params.repo }}",
        base: Any = "",
        diff_from: Any = None,
        access: Access = "read",
        output_type: "type[BaseModel] | None" = None,
        check: str | None = None,
        acceptance: Any = (),
        max_rounds: int = 1,
        agent: str | None = None,
        model: str | None = None,
        fallback: Sequence[str] | None = None,
        effort: str | None = None,
        tools: Sequence[Tool] | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            role=role,
            changes=RoleChanges(agent, model, fallback, effort, tools, limits),
            access=access,
            output=output_type is not None,
            **kwargs,
        )
        self.prompt = prompt
        self.inputs = dict(inputs or {})
        self.repo = repo
        self.base = base
        self.diff_from = diff_from
        self.access = access
        self.output_type = output_type
        self.check = check
        self.acceptance = acceptance
        self.max_rounds = max_rounds

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.config.repositories import ACCEPTANCE
        from bridle.guard.sanitize import fence_untrusted
        from bridle.harness.bench import Bench
        from bridle.harness.session import Assignment
        from bridle.harness.work import Work, work

        role = step.role(self.role, self.changes)
        repository = step.repository(self.repo)
        check = self.check
        if check is not None and (accepting := repository.accepting(self.acceptance or ())):
            repository, check = accepting, ACCEPTANCE
        bench = Bench(step, repository)
        inputs = dict(self.inputs)
        if self.diff_from:
            inputs["diff"] = fence_untrusted("patch", bench.patch(self.diff_from, self.base).text)
        command = None if check is None else repository.check_command(check)

        def assignment(number: int, feedback: str) -> Assignment:
            seen = {
                **inputs,
                "round": number,
                "feedback": fence_untrusted("output", feedback) if feedback else "",
                "check": command or "",
            }
            return Assignment(
                role_name=self.role,
                role=role,
                limits=role.limits,
                access=self.access,
                prompt=step.prompt(self.prompt, seen),
                output_type=self.output_type,
            )

        return work(
            step,
            Work(
                assignment=assignment,
                repository=repository,
                base=self.base or repository.base,
                check=None if check is None else check or repository.default_check,
                max_rounds=self.max_rounds,
                must_change=self.access == "write",
            ),
        )
