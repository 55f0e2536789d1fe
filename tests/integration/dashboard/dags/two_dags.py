"""Two workflows as Airflow knows them; the tests write their sessions into the ledger themselves."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for dag_id in ("open_dag", "closed_dag"):
    with DAG(dag_id, schedule=None) as dag:
        EmptyOperator(task_id="implement") >> EmptyOperator(task_id="approve")
    globals()[dag_id] = dag
