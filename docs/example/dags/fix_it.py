"""One issue, one agent, one check, one human, one draft pull request."""

from pathlib import Path

from airflow.sdk import DAG

from bridle import AgentSessionOperator, FetchIssueOperator, HumanApprovalSensor, OpenPullRequestOperator
from bridle.params import issue_fix_params

with DAG("fix_it", schedule=None, params=issue_fix_params(beside=Path(__file__))):
    issue = FetchIssueOperator(task_id="fetch_issue", number="{{ params.issue }}")
    fix = AgentSessionOperator(
        task_id="fix",
        role="implementer",  # include/roles.yaml: agent, model, limits
        access="write",
        prompt="fix.md",  # include/prompts/fix.md
        inputs={"issue": issue.output["result"]},  # what the prompt may see; nothing else
        base=issue.output["commit"],
        check="tests",  # include/repositories.yaml: run outside the session
        max_rounds=3,
    )
    approve = HumanApprovalSensor(task_id="approve", commit=fix.output["commit"], base=fix.output["base"])
    publish = OpenPullRequestOperator(
        task_id="publish",
        commit=fix.output["commit"],
        base=fix.output["base"],
        number="{{ params.issue }}",
        body="fixed.md",  # include/templates/fixed.md
        inputs={"issue": issue.output["result"]},
    )
    fix >> approve >> publish
