"""Every route of the dashboard's API, with values for what each of them needs."""

from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute

from bridle.dashboard.app import ROUTERS, dashboard_app

APP = dashboard_app()
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
NAMES = [f"{method} {route.path}" for route in ROUTES for method in route.methods]
OF_ALL = {
    "/overview",
    "/me",
    "/runs",
    "/loops",
    "/costs",
    "/costs.csv",
    "/costs/as-if",
    "/budgets",
    "/approvals",
}
"""Lists: they show what the user may see. Every other route is about one thing."""


@dataclass(frozen=True)
class Thing:
    """One run with its session and loop."""

    dag_id: str
    run_id: str
    session: str
    loop: str

    def call(self, client: Any, name: str, **more: Any) -> Any:
        """Ask for a route by its name, `GET /run`, about this thing."""
        method, _, path = name.partition(" ")
        body = {"rounds": 1} if method == "POST" else None
        params = {**self.parameters(path), **more.pop("params", {})}
        return client.request(method, f"/bridle/api{path}", params=params, json=body, **more)

    def parameters(self, path: str) -> dict[str, str]:
        """What a route needs to be told."""
        if path in OF_ALL:
            return {}
        if path.startswith(("/run", "/sessions")):
            return {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": "implement"}
        if path.startswith("/session"):
            return {"id": self.session}
        if path.startswith("/loop"):
            return {"id": self.loop}
        return {"scope": f"run:{self.dag_id}/{self.run_id}"}
