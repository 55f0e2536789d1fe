"""A goal, pursued round by round until its criteria hold.

Each run is one round: one model call gives up to N independent tasks → workers do them side by side, each in
a session and a clone of its own → their commits are merged → the harness runs the criteria → a human looks,
where one is asked → the next round, or one draft pull request.

Start it from the trigger form, or with `bridle goal "…" --repo … --done-when …`.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from bridle import (
    AgentSessionOperator,
    DoneWhenOperator,
    IntegrateOperator,
    NextRoundOperator,
    OrchestrateOperator,
    PublishGoalOperator,
    RoundReviewSensor,
)
from bridle.params import goal_loop_params

with DAG(
    "goal_loop",
    schedule=None,
    params=goal_loop_params(beside=Path(__file__)),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["bridle"],
    doc_md=__doc__,
):
    orders = OrchestrateOperator(task_id="orchestrate")
    workers = AgentSessionOperator.partial(
        task_id="work", role="implementer", prompt="work.md", access="write", max_rounds=2
    ).expand_kwargs(orders.output)
    integrate = IntegrateOperator(task_id="integrate", trigger_rule="all_done")
    done_when = DoneWhenOperator(task_id="done_when")
    review = RoundReviewSensor(
        task_id="review_round",
        subject="Go on after round {{ params.round }} of “{{ params.goal | truncate(80) }}”?",
        commit=done_when.output["commit"],
        base=done_when.output["base"],
        inputs={"round": done_when.output["result"]},
        required=False,
        insist=done_when.output["ask"],
        timeout=timedelta(days=2),
    )
    publish = PublishGoalOperator(task_id="open_pull_request", review=review.task_id)
    next_round = NextRoundOperator(task_id="next_round", review=review.task_id, trigger_rule="all_done")

    workers >> integrate >> done_when >> review >> [publish, next_round]
