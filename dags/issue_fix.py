"""One issue becomes one draft pull request.

fetch → classify → (bug: investigate | feature: plan | question: answer | other: label) → rounds of
implementing against the repository's own check and reviewing → a human approves → one draft pull request.

Start it from the trigger form, or with `bridle run issue-fix --repo … --issue …`.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from bridle import (
    AgentSessionOperator,
    CommentOperator,
    FetchIssueOperator,
    HumanApprovalSensor,
    LabelOperator,
    LLMClassifyOperator,
    OpenPullRequestOperator,
    implement_until_reviewed,
)
from bridle.models import Answer, Findings, Plan
from bridle.params import issue_fix_params

NUMBER = "{{ params.issue }}"
KINDS = {
    "bug": "Something does not work as it should.",
    "feature": "Something new is wanted.",
    "question": "Somebody wants to know something; no code has to change.",
    "other": "None of these, or not about this repository.",
}
LABEL_RULES = {"bug": "bug", "enhancement": "feature", "question": "question"}

with DAG(
    "issue_fix",
    schedule=None,
    params=issue_fix_params(beside=Path(__file__)),
    tags=["bridle"],
    doc_md=__doc__,
):
    issue = FetchIssueOperator(task_id="fetch_issue", number=NUMBER)
    text, start = {"issue": issue.output["result"]}, issue.output["commit"]

    kind = LLMClassifyOperator(
        task_id="classify",
        role="classifier",
        prompt="classify_issue.md",
        inputs=text,
        labels=KINDS,
        rules=LABEL_RULES,
        branches={"bug": "investigate", "feature": "plan", "question": "answer", "other": "label_other"},
    )

    investigate = AgentSessionOperator(
        task_id="investigate",
        role="explorer",
        prompt="investigate.md",
        inputs=text,
        base=start,
        output_type=Findings,
    )
    plan = AgentSessionOperator(
        task_id="plan", role="planner", prompt="plan.md", inputs=text, base=start, output_type=Plan
    )
    answer = AgentSessionOperator(
        task_id="answer", role="explorer", prompt="answer.md", inputs=text, base=start, output_type=Answer
    )

    fix = implement_until_reviewed(
        after=[investigate, plan],
        inputs=text,
        base=start,
        approve_brief="{{ 'plan' in (params.approvals or []) }}",
    )
    approve = HumanApprovalSensor(
        task_id="approve_pull_request",
        subject="Open a draft pull request for issue #{{ params.issue }} of {{ params.repo }}?",
        commit=fix.commit,
        base=fix.base,
        inputs={"review": fix.review},
        required="{{ 'before_pull_request' in (params.approvals or []) }}",
        insist=fix.undecided,
        timeout=timedelta(days=2),
    )
    publish = OpenPullRequestOperator(
        task_id="open_pull_request",
        commit=fix.commit,
        base=fix.base,
        number=NUMBER,
        inputs={**text, "brief": fix.brief.output["result"], "review": fix.review},
    )

    issue >> kind >> [investigate, plan, answer]
    answer >> CommentOperator(
        task_id="comment_answer", number=NUMBER, body="answer.md", inputs={"answer": answer.output["result"]}
    )
    kind >> LabelOperator(task_id="label_other", number=NUMBER, add=["bridle:not-for-me"])
    fix.group >> approve >> publish
    publish >> [
        CommentOperator(
            task_id="report",
            number=NUMBER,
            body="pull_request_opened.md",
            inputs={"pull_request": publish.output["result"]},
        ),
        LabelOperator(task_id="label_fixed", number=NUMBER, add=["bridle:pull-request"]),
    ]
