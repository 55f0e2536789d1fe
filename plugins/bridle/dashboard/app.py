"""The dashboard as one web application, at `/bridle` of Airflow's API server."""

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bridle.dashboard import (
    approvals,
    bisect,
    budgets,
    costs,
    diff,
    loops,
    overview,
    refusals,
    run,
    runs,
    session,
    stream,
)
from bridle.dashboard.origin import OwnOriginOnly
from bridle.webhook import receive_delivery

ROUTERS: tuple[APIRouter, ...] = (
    overview.router,
    runs.router,
    run.router,
    diff.router,
    session.router,
    stream.router,
    loops.router,
    bisect.router,
    costs.router,
    budgets.router,
    approvals.router,
)
"""Every router of the API, each with all its rights: a page's router is added here and nowhere else."""

STATIC = Path(__file__).parent / "static"


def dashboard_app() -> FastAPI:
    """The application: `/api` for the pages, `/static` for their files, `/webhook` for GitHub."""
    # its own documentation would be open to everybody
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, middleware=[Middleware(OwnOriginOnly)])
    for router in ROUTERS:
        app.include_router(router, prefix="/api", dependencies=[Depends(_kept_nowhere)])
    app.add_route("/webhook", receive_delivery, methods=["POST"])
    app.mount("/static", PageFiles(directory=STATIC, check_dir=False), name="static")
    refusals.install(app)
    return app


class PageFiles(StaticFiles):
    """The pages' files: public, and asked for again each time (304 when unchanged), so an upgrade is seen."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 404."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _kept_nowhere(response: Response) -> None:
    """What one user may see, no cache shows another."""
    response.headers["Cache-Control"] = "no-store"


# a module is refused under another type, and some systems have another one registered
mimetypes.add_type("text/javascript", ".js")
