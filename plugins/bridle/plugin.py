"""The one place that registers with Airflow.

Loaded in every process that Airflow starts, each task included: imports nothing heavy.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from bridle.version import VERSION

PREFIX = "/bridle"
_BUNDLE = f"{PREFIX}/static/bridle.js?v={VERSION}"


class Web:
    """`bridle.dashboard.app` as a web application that is loaded when its first request comes."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from bridle.dashboard.app import dashboard_app
            from bridle.dashboard.heap import set_loaded_apart

            self._app = dashboard_app()
            set_loaded_apart()
        await self._app(scope, receive, send)


def _page(name: str, destination: str, route: str, **more: str) -> dict[str, Any]:
    return {
        "name": name,
        "bundle_url": _BUNDLE,
        "destination": destination,
        "url_route": route,
        "icon": f"{PREFIX}/static/icon.svg",
        "icon_dark_mode": f"{PREFIX}/static/icon-dark.svg",
        **more,
    }


class BridlePlugin(AirflowPlugin):
    """Bridle's plugin; the entry point in pyproject.toml is its only registration."""

    name = "bridle"
    fastapi_apps: list[Any] = [{"name": "bridle", "app": Web(), "url_prefix": PREFIX}]  # noqa: RUF012
    react_apps: list[Any] = [  # noqa: RUF012
        _page("Bridle", "nav", "bridle"),
        _page("Bridle Run", "dag_run", "bridle-run"),
        _page("Bridle Session", "task_instance", "bridle-session"),
    ]
