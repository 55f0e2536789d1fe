"""What GitHub's webhook lets through; the run that it starts is shown end to end."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from bridle.webhook import webhook_app

SECRET = "the secret of this webhook"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
STAR = json.dumps({"action": "deleted"}).encode()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    connection = json.dumps({"conn_type": "generic", "password": SECRET})
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_WEBHOOK", connection)
    return TestClient(webhook_app())


def headers(body: bytes, **changes: str) -> Mapping[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    told = {"event": "issues", "delivery": DELIVERY, "signature": f"sha256={digest}", **changes}
    return {
        "X-GitHub-Event": told["event"],
        "X-GitHub-Delivery": told["delivery"],
        "X-Hub-Signature-256": told["signature"],
    }


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (STAR, {}, 200),
        (b'{"action":"labeled"}', {"event": "ping"}, 200),
        (STAR, {"signature": ""}, 401),
        (STAR, {"signature": "sha256=" + "0" * 64}, 401),
        (STAR, {"signature": "sha1=" + "0" * 40}, 401),
        (STAR, {"signature": "sha256=\u00e9"}, 401),
        (STAR, {"delivery": "x' or 1=1"}, 200),
        (b"[]", {}, 400),
        (b"no json", {}, 400),
        (b" " * 2_000_000, {}, 413),
    ],
)
def test_only_signed_deliveries_of_issues_are_looked_at(
    client: TestClient, body: bytes, changes: dict[str, Any], status: int
) -> None:
    told = {name: value.encode() for name, value in headers(body, **changes).items()}
    assert client.post("/webhook", content=body, headers=told).status_code == status


def test_without_a_secret_nothing_is_believed(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_WEBHOOK", json.dumps({"conn_type": "generic"}))
    answer = client.post("/webhook", content=STAR, headers=headers(STAR))
    assert answer.status_code == 503
    assert "bridle_webhook" in answer.text
