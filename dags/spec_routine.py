"""The next task of a spec becomes a commit on its draft pull request, with its box ticked.

pick → (task → rounds of implementing against a check and reviewing), parallel ones beside each other →
land: one commit for each task, on top of what people did meanwhile → a human, where one is asked → publish →
finish, and the next run at once in mode `continuous`. When all is done a run says so and costs nothing.

Start it from the trigger form, or with `bridle run spec --repo … --spec …`. For every spec file that
repositories.yaml names in `specs`, there is also a DAG that runs each hour.
"""

from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param

from bridle import (
    FinishSpecRunOperator,
    HumanApprovalSensor,
    LandTasksOperator,
    PickTasksOperator,
    PublishSpecOperator,
    SpecTaskOperator,
    implement_until_reviewed,
)
from bridle.params import spec_routine_params, specs_in_force

LANES = 3  # tasks marked as parallel that are worked on beside each other
HERE = Path(__file__)


def spec_routine(dag_id: str, params: dict[str, Param], schedule: str | None) -> None:
    """Lay out the routine as one DAG."""
    with DAG(
        dag_id,
        schedule=schedule,
        max_active_runs=1 if schedule else 16,  # a run leaves a spec alone that another one works on
        params=params,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
        tags=["bridle"],
        doc_md=__doc__,
    ):
        pick = PickTasksOperator(task_id="pick_tasks", at_most=LANES)
        picked = pick.output["result"]

        lanes = []
        for lane in range(1, LANES + 1):
            task = SpecTaskOperator(task_id=f"task_{lane}", picked=picked, lane=lane)
            lanes.append(
                implement_until_reviewed(
                    group_id=f"work_{lane}",
                    after=[task],
                    inputs={},
                    base=task.output["commit"],
                    acceptance=task.output["acceptance"],
                    prompt="implement_task.md",
                    review_prompt="review_task.md",
                )
            )

        land = LandTasksOperator(
            task_id="land",
            picked=picked,
            groups=[work.group.group_id for work in lanes],
            commits=[work.commit for work in lanes],
            bases=[work.base for work in lanes],
            undecided=[work.undecided for work in lanes],
            trigger_rule="all_done",
        )
        approve = HumanApprovalSensor(
            task_id="approve",
            subject="Push the next task of {{ params.spec }} of {{ params.repo }}?",
            commit=land.output["commit"],
            base=land.output["base"],
            required="{{ 'before_pull_request' in (params.approvals or []) }}",
            insist=land.output["undecided"],
            timeout=timedelta(days=2),
        )
        publish = PublishSpecOperator(
            task_id="publish",
            commit=land.output["commit"],
            base=land.output["base"],
            onto=land.output["onto"],
        )
        finish = FinishSpecRunOperator(
            task_id="finish",
            picked=picked,
            landed=land.output["result"],
            published=publish.output["commit"],
            trigger_rule="all_done",
        )
        again = TriggerDagRunOperator.partial(
            task_id="next_run", trigger_dag_id=dag_id, logical_date=None, skip_when_already_exists=True
        ).expand_kwargs(finish.output)

        land >> approve >> publish >> finish >> again


spec_routine("spec_routine", spec_routine_params(beside=HERE), None)
for name, (repo, spec) in specs_in_force(beside=HERE).items():
    spec_routine(f"spec_routine_{name}", spec_routine_params(beside=HERE, repo=repo, spec=spec), "@hourly")
