"""GitHub's webhook: an issue that was labelled or opened again starts a look at once.

The plugin serves it in Airflow's API server at `/bridle/webhook`. It believes nothing but that something
happened: what is to be done, `issue_watch` finds out by asking GitHub. A delivery is believed when it carries
the signature made with the secret, the password of the Airflow connection `bridle_webhook`; delivered again,
it is the same run.
"""

import hashlib
import hmac
import json
import logging

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

log = logging.getLogger(__name__)

CONNECTION = "bridle_webhook"
ACTIONS = {"opened", "reopened", "labeled"}
MAX_BYTES = 1_000_000
"""Of one delivery; GitHub sends up to 25 MB, an issue is far smaller."""


def webhook_app() -> Starlette:
    """The endpoint as an application."""
    return Starlette(routes=[Route("/webhook", receive_delivery, methods=["POST"])])


async def receive_delivery(request: Request) -> Response:
    """Take one delivery: 202 when a look is started, 200 when there is nothing to look for."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_BYTES:
        return _said(413, f"a delivery has a length, of at most {MAX_BYTES} bytes")
    body = await request.body()
    return _said(*await run_in_threadpool(_take, body, request.headers))


def _take(body: bytes, headers: Headers) -> tuple[int, str]:
    secret = _secret()
    if not secret:
        return 503, f"the Airflow connection {CONNECTION!r} has no password: the webhook is off"
    if not signed(body, secret, headers.get("x-hub-signature-256", "")):
        return 401, "the signature does not fit"
    try:
        action = json.loads(body).get("action")
    except (ValueError, AttributeError):
        return 400, "no JSON object"
    wanted = headers.get("x-github-event") == "issues" and action in ACTIONS
    return _look(body) if wanted else (200, "nothing to look for")


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether GitHub's `X-Hub-Signature-256` belongs to the body."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def _said(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status)


def _secret() -> str:
    from airflow.models import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(Connection.get_connection_from_secrets(CONNECTION).password or "")
    except AirflowNotFoundException:
        return ""


def _look(body: bytes) -> tuple[int, str]:
    """Start a run of `issue_watch`, once for each body: that is signed, the delivery's own id is not."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import DagNotFound, DagRunAlreadyExists
    from airflow.utils.types import DagRunTriggeredByType

    delivery = hashlib.sha256(body).hexdigest()[:32]
    try:
        trigger_dag(
            "issue_watch",
            run_id=f"webhook-{delivery}",
            conf={},
            triggered_by=DagRunTriggeredByType.REST_API,
        )
    except DagRunAlreadyExists:
        return 200, "this delivery was taken already"
    except DagNotFound:
        return 503, "Airflow does not know the workflow issue_watch"
    log.info("webhook delivery %s: looking at issues", delivery)
    return 202, "looking"
