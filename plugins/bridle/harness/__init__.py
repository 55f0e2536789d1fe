"""What a step does between Airflow and the agents: the attempt, its inputs, sessions, checks and result.

Operators only read the task's context, call into here, and push the result; everything in this folder runs
without Airflow.
"""
