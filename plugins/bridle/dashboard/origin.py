"""Requests that change something are taken from Airflow's own pages only.

The browser sends the user's cookie with a request that another site's page makes; what that page cannot forge
is the `Origin` and `Sec-Fetch-Site` that the browser puts on it. A program with a token sends neither.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = {"GET", "HEAD", "OPTIONS"}


class OwnOriginOnly:
    """Middleware: 403 for a request that changes something and comes from another site's page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE:
            headers = Headers(scope=scope)
            if is_foreign(headers, _base_url()):
                told = "this request comes from a page of another site; use Bridle's own pages"
                await JSONResponse({"detail": told}, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_foreign(headers: Headers, base_url: str) -> bool:
    """Whether a browser says that another site's page has made this request.

    Args:
        headers: of the request.
        base_url: what browsers call this Airflow (`[api] base_url`): behind a proxy, its `Host` is another.
    """
    if headers.get("sec-fetch-site") == "same-origin":
        return False
    if "origin" in headers:
        return _host(headers["origin"]) not in {_host(f"//{headers.get('host', '')}"), _host(base_url)} - {""}
    return headers.get("sec-fetch-site", "none") != "none"


def _host(url: str) -> str:
    """Host and port; without the port where it is the scheme's own: proxies drop it or not."""
    return urlsplit(url).netloc.lower().removesuffix(":443").removesuffix(":80")


def _base_url() -> str:
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "")
