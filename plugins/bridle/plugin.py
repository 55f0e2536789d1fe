"""The one place that registers with Airflow.

Loaded in every process that Airflow starts, each task included: imports nothing heavy.
"""

from airflow.plugins_manager import AirflowPlugin


class BridlePlugin(AirflowPlugin):
    """Bridle's plugin; the entry point in pyproject.toml is its only registration."""

    name = "bridle"
