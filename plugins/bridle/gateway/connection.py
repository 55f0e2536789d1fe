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
        """List the provider's models: free of charge, and needs the key."""
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
    url = endpoint.removesuffix("/chat/completions").removesuffix("/messages") + "/models"
    headers = {"anthropic-version": "2023-06-01", **provider.request_headers(dialect)}
    try:
        answer = httpx.get(url, headers=headers, timeout=10)
    except httpx.HTTPError as error:
        return False, f"{url} cannot be reached: {error}"
    if answer.is_success:
        return True, f"{url} accepts the key"
    return False, f"{url} answers {answer.status_code}; check the API key and the base URL"
