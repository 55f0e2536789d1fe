"""The steps of one round of a loop, in their order; each run of the DAG is a round."""

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from bridle.operators.base import BridleOperator
from bridle.operators.converge import task_states
from bridle.operators.links import PullRequestLink, RunLink, SessionLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.loop import LoopTerms
    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class OrchestrateOperator(BridleOperator):
    """Open the round, and let one model call split what is left of the goal into independent tasks.

    Returns the arguments of one `AgentSessionOperator` for each task, for `expand_kwargs`.

    Args:
        role: name in roles.yaml; one without tools and with a small context is enough.
        prompt: file below `include/prompts/`; sees `goal`, `workers`, `feedback` and `known`.
    """

    operator_extra_links = (SessionLink(), RunLink())

    def __init__(self, *, role: str = "orchestrator", prompt: str = "orchestrate.md", **kwargs: Any) -> None:
        # Airflow maps over what a task returns, and only over that
        super().__init__(multiple_outputs=False, **kwargs)
        self.role = role
        self.prompt = prompt

    def execute(self, context: "Context") -> Any:
        super().execute(context)
        return self._tasks

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.orchestrate import orchestrate

        result, self._tasks = orchestrate(step, _terms(context), role=self.role, prompt=self.prompt)
        return result


class IntegrateOperator(BridleOperator):
    """Merge the workers' commits in order; each conflict gets a session of its own.

    A worker that failed, or whose check does, is left out and reported. Needs the trigger rule `all_done`.

    Args:
        workers: task id of the mapped workers.
        role: settles conflicts.
        prompt: file below `include/prompts/`; sees `goal`, `files` and `conflict`.

    Pushes `commit` and `base`.
    """

    operator_extra_links = (SessionLink(), RunLink())

    def __init__(
        self,
        *,
        workers: str = "work",
        role: str = "implementer",
        prompt: str = "resolve_conflict.md",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workers = workers
        self.role = role
        self.prompt = prompt

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.integrate import integrate

        states = task_states(context, [self.workers])
        succeeded = {
            int(name.removeprefix(f"{self.workers}_")) for name, state in states.items() if state == "success"
        }
        return integrate(
            step,
            _terms(context),
            workers=self.workers,
            succeeded=succeeded,
            role=self.role,
            prompt=self.prompt,
        )


class DoneWhenOperator(BridleOperator):
    """Run the goal's criteria on the round's commit, and decide by rules whether another round follows.

    Args:
        role: judges the rubric, where there is one.
        prompt: file below `include/prompts/`; sees `goal` and `rubric`.

    Pushes `commit`, `base` (of the whole loop), `result` (what a human is shown) and `ask`.
    """

    operator_extra_links = (SessionLink(), RunLink())

    def __init__(self, *, role: str = "judge", prompt: str = "judge.md", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role = role
        self.prompt = prompt

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.round_end import judge_round

        return judge_round(step, _terms(context), role=self.role, prompt=self.prompt)


class PublishGoalOperator(BridleOperator):
    """Open one draft pull request of everything that the loop made; skipped while its goal is not reached.

    Args:
        review: task id of the human's review of the round.
        body: file below `include/templates/`: first line the title, then an empty line, then the body.
    """

    ui_color = "#fde7e7"
    operator_extra_links = (PullRequestLink(), RunLink())

    def __init__(self, *, review: str, body: str = "goal_pull_request.md", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.review = review
        self.body = body

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.finish import finish
        from bridle.harness.round_end import is_to_be_published

        if not is_to_be_published(step, _terms(context), review=self.review):
            raise AirflowSkipException("the goal is not reached yet, or somebody objects")
        return finish(step, _terms(context), template=self.body)


class NextRoundOperator(BridleOperator):
    """Close the round; begin the next one as a run of its own, unless the loop has ended.

    Fails when a stop rule ends the loop, with its reason. Needs the trigger rule `all_done`.

    Args:
        review: task id of the human's review of the round.
    """

    def __init__(self, *, review: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.review = review

    def execute(self, context: "Context") -> None:
        super().execute(context)
        if self._next is not None:
            conf = context["dag_run"].conf or {}
            recorded = {"bridle": conf["bridle"]} if "bridle" in conf else {}
            raise DagRunTriggerException(
                trigger_dag_id=self.dag_id,
                dag_run_id=self._next.run_id,
                conf={**self._next.conf, **recorded},
                logical_date=None,
                reset_dag_run=False,
                skip_when_already_exists=True,
                wait_for_completion=False,
                allowed_states=["success"],
                failed_states=["failed"],
                poke_interval=5,
                deferrable=False,
            )

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.result import StepResult
        from bridle.harness.round_end import end_round

        self._next = end_round(step, _terms(context), review=self.review)
        return StepResult(result={"next": None if self._next is None else self._next.run_id})


def _terms(context: "Context") -> "LoopTerms":
    from bridle.harness.loop import LoopTerms

    return LoopTerms.of(context["params"])
