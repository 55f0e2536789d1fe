"""Whether Airflow's components say that they work."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from bridle.local.environment import LOOPBACK

_PARTS = {"scheduler": "latest_scheduler_heartbeat", "dag_processor": "latest_dag_processor_heartbeat"}


@dataclass(frozen=True)
class Health:
    """Asks the API server.

    Args:
        port: of the API server on the loopback.
        since: heartbeats before this moment (seconds since 1970) are another life's and do not count.
    """

    port: int
    since: float

    def waiting_for(self) -> list[str]:
        """Names of the components that are not well yet; empty when all are."""
        try:
            # the loopback is never behind the user's proxy
            with httpx.Client(trust_env=False, timeout=5) as client:
                answer = client.get(f"http://{LOOPBACK}:{self.port}/api/v2/monitor/health")
            answer.raise_for_status()
        except httpx.HTTPError:
            return ["api-server"]
        state = answer.json()
        return [name.replace("_", "-") for name in _PARTS if not self._is_well(name, state.get(name) or {})]

    def knows(self, user: str, password: str) -> bool:
        """Whether the API server is ours: another one that took the port first refuses our login."""
        login = {"username": user, "password": password}
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.post(f"http://{LOOPBACK}:{self.port}/auth/token", json=login)
        return answer.is_success

    def _is_well(self, name: str, part: dict[str, Any]) -> bool:
        beat = part.get(_PARTS[name])
        if part.get("status") != "healthy" or beat is None:
            return False
        moment = datetime.fromisoformat(beat)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() >= self.since
