"""The Airflow connection type `bridle_model`: a provider's API key, and where to use it.

What its form asks for is in `bridle.provider_info`. Airflow loads this in its web server and its commands: it
imports nothing heavy.
"""

from typing import Any


class ModelHook:
    """Names the type, and tests a connection; sessions use `providers`."""

    conn_name_attr = "conn_id"
    default_conn_name = "bridle_anthropic"
    conn_type = "bridle_model"
    hook_name = "Bridle model provider"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        self.conn_id = conn_id

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> "ModelHook":
        """As Airflow makes hooks."""
        return cls(conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """List the provider's models: free of charge, and needs the key.

        Airflow calls this for its test button, and shows the sentence.
        """
        from airflow.sdk import BaseHook

        from bridle.errors import BridleError
        from bridle.gateway.providers import from_connection

        try:
            connection = BaseHook.get_connection(self.conn_id)
            provider = from_connection(connection, self.conn_id.removeprefix("bridle_"))
        except BridleError as error:
            return False, str(error)
        return _list_models(provider)


def _list_models(provider: Any) -> tuple[bool, str]:
    import httpx

    dialect, endpoint = next(iter(provider.endpoints.items()))
    url = endpoint
    for path in ("/chat/completions", "/messages", "/responses"):
        url = url.removesuffix(path)
    url += "/models"
    headers = {"anthropic-version": "2023-06-01", **provider.request_headers(dialect)}
    try:
        answer = httpx.get(url, headers=headers, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return False, f"{url} cannot be reached: {error}; check the base URL"
    return _judge(url, answer.status_code, answer.content)


def _judge(url: str, status: int, body: bytes) -> tuple[bool, str]:
    """What an answer to the question for models says about key and address."""
    from bridle.gateway.refusal import credential_problem, is_json

    problem = credential_problem(status, body)
    if problem:
        return False, f"{url}: {problem}; put a working key into the password field"
    if status in (404, 405):
        # some endpoints of this kind list no models, and the rest of the address may still be right
        return False, f"{url} answers {status}; check that the base URL is the API's, with or without its /v1"
    if not 200 <= status < 300:
        return False, f"{url} answers {status}; the provider may be down, or this is not its API"
    if not is_json(body):
        return False, f"{url} answers with a page and not with JSON; check the base URL"
    return True, f"{url} answers, and takes the key"
