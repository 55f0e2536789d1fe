"""A step that a human holds."""

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException

from bridle.operators.base import failing_clearly, push, step_of
from bridle.operators.links import ApprovalLink, RunLink
from bridle.operators.retry import retried

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.step import Step
    from bridle.workspace.patch import Patch

FEEDBACK = Param(
    None,
    type=["string", "null"],
    format="multiline",
    title="Feedback",
    description="For the record, and for whoever goes on.",
    source="task",
)


class HumanApprovalSensor(ApprovalOperator):
    """Wait for a human to approve or reject; no worker slot is held meanwhile.

    The question is asked in Airflow's own UI (Browse, Required Actions) and can be answered by REST. It names
    the commit that it is for: when another commit has come about since, the task fails instead of passing an
    approval on. So it does when Airflow's form was about something else: of a task that is cleared and asks
    anew, Airflow 3.3 shows the first question (https://github.com/apache/airflow/pull/73235); Bridle's page
    of approvals, `bridle show` and `bridle approve` have the new one. Rejecting skips what follows; the
    feedback is recorded.

    Args:
        commit: what the approval is for; None for things that are no code. Templated.
        base: the commit that the work started from: then the change between the two is shown. Templated.
        repo: name on the allow-list. Templated.
        subject: the question. Templated.
        inputs: facts to show, by name (`review`, `issue`, …). Templated; references are fetched.
        required: whether to ask; anything but true (`True`, `"True"`, `"true"`) passes and is recorded as
            policy's decision. Templated.
        insist: asks whatever `required` says when this is true. Templated.
        timeout: how long to wait; None: for ever.
        on_timeout: `fail`, `approve` or `reject`.
    """

    template_fields: Sequence[str] = ("subject", "commit", "base", "repo", "inputs", "required", "insist")
    ui_color = "#f3e8ff"
    operator_extra_links = (ApprovalLink(), RunLink())

    def __init__(
        self,
        *,
        commit: Any = None,
        base: Any = None,
        repo: str = "{{ params.repo }}",
        subject: str = "Approve {{ task.task_id }}?",
        inputs: Mapping[str, Any] | None = None,
        required: Any = True,
        insist: Any = False,
        timeout: timedelta | None = None,
        on_timeout: Literal["fail", "approve", "reject"] = "fail",
        **kwargs: Any,
    ) -> None:
        # by now Airflow has put the DAG's own params in here, and of a form it shows only a task's
        params = ParamsDict(kwargs.pop("params", None))
        if "feedback" not in params:
            params["feedback"] = copy(FEEDBACK)
        super().__init__(
            subject=subject,
            response_timeout=timeout,
            params=params,
            defaults={"approve": [self.APPROVE], "reject": [self.REJECT]}.get(on_timeout),
            **retried(kwargs),
        )
        self.commit = commit
        self.base = base
        self.repo = repo
        self.inputs = dict(inputs or {})
        self.required = required
        self.insist = insist

    def execute(self, context: "Context") -> Any:
        from bridle.harness.approval import answered, ask, pass_by_policy
        from bridle.ledger.reviews import ABOUT, REJECT

        with failing_clearly(), step_of(context, threading.Event()) as step:
            if not (_true(self.required) or _true(self.insist)):
                why = "no approval was asked for in this run"
                push(context, step, pass_by_policy(step, self.commit, why, patch=self._patch(step)))
                return None
            decision = answered(step)
            if decision is not None:
                push(context, step, decision)
            else:
                asked = ask(
                    step,
                    subject=self.subject,
                    commit=self.commit,
                    inputs=self.inputs,
                    patch=self._patch(step),
                )
                self.body = asked.text
                self.params[ABOUT] = Param(
                    asked.about,
                    type="string",
                    title="About",
                    description="What you answer about. Leave it as it is.",
                    source="task",
                )
        if decision is None:
            return super().execute(context)
        if decision.outcome == REJECT:
            self.skip(context["ti"], context["task"].get_direct_relatives(upstream=False))
        return None

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> Any:
        from bridle.harness.approval import record_answer
        from bridle.ledger.reviews import ABOUT

        if event.get("error_type") == "timeout":
            # a retry would only ask again
            raise AirflowFailException(
                f"nobody answered within {self.response_timeout}; clear the task to ask again"
            )
        if "error" in event:
            return super().execute_complete(context, event)
        filled = dict(event["params_input"] or {})
        shown = filled.pop(ABOUT, None)
        with failing_clearly(), step_of(context, threading.Event()) as step:
            result = record_answer(
                step,
                commit=self.commit,
                approved=event["chosen_options"] == [self.APPROVE],
                by="policy:timeout"
                if event["timedout"]
                else (event["responded_by_user"] or {}).get("name", "unknown"),
                feedback=filled.get("feedback") or "",
                answers=None if event["timedout"] else shown,
            )
            push(context, step, result)
        # the answer itself stays out of XCom: the ledger has it, and feedback may be long
        super().execute_complete(context, event | {"params_input": filled})
        return None

    def _patch(self, step: "Step") -> "Patch | None":
        from bridle.harness.bench import Bench

        if not (self.commit and self.base):
            return None
        return Bench(step, step.repository(self.repo)).patch(self.base, self.commit)


def _true(value: Any) -> bool:
    return value is True or str(value).strip().lower() == "true"
