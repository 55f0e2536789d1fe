"""The steps of a routine that works on a spec file, task by task."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import SkipMixin
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from bridle.operators.base import BridleOperator
from bridle.operators.converge import task_states
from bridle.operators.links import PullRequestLink, RunLink
from bridle.operators.run_state import run_state

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.routine import Routine
    from bridle.harness.step import Step


class SpecOperator(BridleOperator):
    """A step of the routine; the arguments say which spec it is about.

    Args:
        repo: name on the allow-list. Templated.
        spec: path of the spec file inside the repository. Templated.
        format: checkbox, speckit, kiro, openspec or prd_json; empty: found out. Templated.
        target: branch that the work is for; empty: the repository's default. Templated.
        attempts: failed attempts after which a task is blocked. Templated.
        on_blocked: `skip` passes a blocked task over, `hold` stops at it. Templated.
    """

    template_fields: Sequence[str] = ("repo", "spec", "format", "target", "attempts", "on_blocked")
    ui_color = "#e8f5e9"

    def __init__(
        self,
        *,
        repo: str = "{{ params.repo }}",
        spec: str = "{{ params.spec }}",
        format: str = "{{ params.format or '' }}",
        target: str = "{{ params.base or '' }}",
        attempts: Any = "{{ params.attempts }}",
        on_blocked: str = "{{ params.on_blocked }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.repo = repo
        self.spec = spec
        self.format = format
        self.target = target
        self.attempts = attempts
        self.on_blocked = on_blocked

    def routine(self, step: "Step") -> "Routine":
        """What the arguments say."""
        from bridle.harness.routine import Routine

        return Routine(
            step.repository(self.repo),
            self.spec,
            format=self.format or None,
            target=self.target,
            attempts=int(self.attempts),
            hold=self.on_blocked == "hold",
        )


class PickTasksOperator(SpecOperator, SkipMixin):
    """Show a spec's tasks, choose the next ones by rule, and take them for this run; no token is used.

    When there is nothing to do it says why, and what follows is skipped.

    Args:
        at_most: tasks marked as parallel that are worked on beside each other.

    Pushes `result` (`tasks`: keys, `commit`) and `commit`, the newest version of everything.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, at_most: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at_most = at_most

    def execute(self, context: "Context") -> None:
        super().execute(context)
        if not self._tasks:
            self.skip_all_except(context["ti"], set())

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.pick import pick_tasks

        def run_ended(dag_id: str, run_id: str) -> bool:
            return run_state(context, dag_id, run_id) in {"success", "failed", None}

        at_most = min(self.at_most, context["params"].get("max_tasks") or self.at_most)
        result = pick_tasks(step, self.routine(step), at_most=at_most, run_ended=run_ended)
        self._tasks = result.result["tasks"]
        return result


class SpecTaskOperator(SpecOperator):
    """Hand on one of the picked tasks, as data for prompts; skipped when there are fewer.

    Args:
        picked: what `PickTasksOperator` pushed as `result`. Templated.
        lane: which of them, from 1.

    Pushes `result` (task, spec, title, text, failed_before), `commit` and `acceptance`.
    """

    template_fields: Sequence[str] = (*SpecOperator.template_fields, "picked")

    def __init__(self, *, picked: Any, lane: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.picked = picked
        self.lane = lane

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.pick import give_task
        from bridle.harness.routine import Picked

        given = give_task(step, self.routine(step), Picked.of(self.picked), self.lane)
        if given is None:
            raise AirflowSkipException(f"no task for lane {self.lane}")
        return given


class LandTasksOperator(SpecOperator):
    """Put the work on each task on top of the newest version, with its mark, as one commit each.

    Skipped when nothing landed; needs the trigger rule `all_done`.

    Args:
        picked: what `PickTasksOperator` pushed as `result`. Templated.
        groups: task group of each lane.
        commits: what each lane came to; None for one that failed or did not run. Templated.
        bases: the commit that each lane started from, likewise. Templated.
        undecided: whether each lane's review still asks for changes, likewise. Templated.
        check: name of the check; empty: the repository's first. Templated.

    Pushes `commit`, `base`, `onto`, `undecided` and `result` (`tasks`: keys that landed).
    """

    template_fields: Sequence[str] = (
        *SpecOperator.template_fields,
        *("picked", "commits", "bases", "undecided", "check"),
    )

    def __init__(
        self,
        *,
        picked: Any,
        groups: Sequence[str],
        commits: Any,
        bases: Any,
        undecided: Any,
        check: str = "{{ params.check or '' }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.picked = picked
        self.groups = tuple(groups)
        self.commits = commits
        self.bases = bases
        self.undecided = undecided
        self.check = check

    def execute(self, context: "Context") -> None:
        super().execute(context)
        if not self._landed:
            raise AirflowSkipException("nothing landed; the log says why")

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.land import land
        from bridle.harness.lane import Lane
        from bridle.harness.routine import Picked

        lanes = [
            Lane(group, commit, base, bool(undecided))
            for group, commit, base, undecided in zip(
                self.groups, self.commits, self.bases, self.undecided, strict=True
            )
        ]
        result = land(step, self.routine(step), Picked.of(self.picked), lanes, check=self.check)
        self._landed = result.commit
        return result


class PublishSpecOperator(SpecOperator):
    """Push what landed to the spec's branch, and open its draft pull request or bring it up to date.

    Args:
        commit: what landed. Templated.
        base: what it was put on top of. Templated.
        onto: what the branch was at. Templated.
        body: file below `include/templates/`: first line the title, then an empty line, then the body.
        needs_approval: whether a `HumanApprovalSensor` of the run must have passed exactly this commit.
    """

    template_fields: Sequence[str] = (*SpecOperator.template_fields, "commit", "base", "onto")
    ui_color = "#fde7e7"
    operator_extra_links = (PullRequestLink(), RunLink())

    def __init__(
        self,
        *,
        commit: Any,
        base: Any,
        onto: Any,
        body: str = "spec_pull_request.md",
        needs_approval: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.commit = commit
        self.base = base
        self.onto = onto
        self.body = body
        self.needs_approval = needs_approval

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.spec_end import publish_spec

        return publish_spec(
            step,
            self.routine(step),
            commit=self.commit,
            base=self.base,
            onto=self.onto or None,
            template=self.body,
            needs_approval=self.needs_approval,
        )


class FinishSpecRunOperator(SpecOperator):
    """Write down what became of the tasks, let go of the spec, and say whether another run follows at once.

    Needs the trigger rule `all_done`; fails when a step before it has failed. Returns what a mapped
    `TriggerDagRunOperator` expands over: the next run of this DAG, or nothing.

    Args:
        picked: what `PickTasksOperator` pushed as `result`. Templated.
        landed: what `LandTasksOperator` pushed as `result`. Templated.
        published: the commit that was published. Templated.
        publisher: task id of the `PublishSpecOperator`.
    """

    template_fields: Sequence[str] = (*SpecOperator.template_fields, "picked", "landed", "published")

    def __init__(
        self, *, picked: Any, landed: Any, published: Any, publisher: str = "publish", **kwargs: Any
    ) -> None:
        super().__init__(multiple_outputs=False, **kwargs)
        self.picked = picked
        self.landed = landed
        self.published = published
        self.publisher = publisher

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        super().execute(context)
        states = task_states(context, list(self.upstream_task_ids))
        if failed := [task for task, state in states.items() if state in {"failed", "upstream_failed"}]:
            # after all is written down: else a run whose last step went well would pass for a success
            raise AirflowFailException(f"{', '.join(sorted(failed))} failed; the log there says why")
        if self._not_tried:
            raise AirflowFailException(
                f"{', '.join(self._not_tried)} could not be tried: a key, a provider, a budget or a person "
                "was in the way; the log of the landing step says which. No attempt was counted"
            )
        return self._next

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.routine import Picked
        from bridle.harness.spec_end import Ended, finish

        picked = Picked.of(self.picked)
        # Airflow keeps the XComs of a task that ran before a clear and is skipped after it
        state = task_states(context, [self.publisher]).get(self.publisher)
        published = self.published if state == "success" else None
        ended = Ended(picked, self.landed, published, rejected=state == "skipped")
        result = finish(step, self.routine(step), ended)
        self._not_tried = result.result["not_tried"]
        params = dict(context["params"])
        left = None if params.get("max_tasks") is None else params["max_tasks"] - len(result.result["tasks"])
        goes_on = params.get("mode") == "continuous" and result.result["again"] and (left is None or left > 0)
        conf = params if left is None else params | {"max_tasks": left}
        self._next = [{"trigger_run_id": next_run_id(context["ti"].run_id), "conf": conf}] if goes_on else []
        return result


def next_run_id(run_id: str) -> str:
    """The id of the run after this one: the same whoever asks, and however often."""
    found = re.fullmatch(r"(.+)--(\d+)", run_id)
    return f"{found[1]}--{int(found[2]) + 1}" if found else f"{run_id}--2"
