"""The one place that registers with Airflow.

Loaded in every process that Airflow starts, each task included: imports nothing heavy.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class Webhook:
    """`bridle.webhook` as a web application that is loaded when its first request comes."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from bridle.webhook import webhook_app

            self._app = webhook_app()
        await self._app(scope, receive, send)


class BridlePlugin(AirflowPlugin):
    """Bridle's plugin; the entry point in pyproject.toml is its only registration."""

    name = "bridle"
    fastapi_apps: list[Any] = [{"name": "bridle webhook", "app": Webhook(), "url_prefix": "/bridle"}]  # noqa: RUF012
