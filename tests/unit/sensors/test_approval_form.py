"""The form with which a human answers."""

from airflow.sdk import DAG, Param

from bridle import HumanApprovalSensor


def test_the_question_has_a_field_for_feedback_whatever_parameters_the_workflow_has() -> None:
    """Airflow shows a task's own parameters only, and hands those of the DAG to the task too."""
    with DAG("workflow", params={"repo": Param("acme/widgets", type="string")}):
        sensor = HumanApprovalSensor(task_id="approve")
    assert set(sensor.serialized_params) == {"feedback"}


def test_own_fields_are_kept() -> None:
    with DAG("workflow"):
        sensor = HumanApprovalSensor(task_id="approve", params={"milestone": Param("", type="string")})
    assert set(sensor.serialized_params) == {"feedback", "milestone"}
