"""The secrets of `docker-compose.yaml`: fresh ones, in a `.env` that only its owner can read."""

import base64
import secrets
from pathlib import Path

from bridle.errors import ConfigError
from bridle.local.files import write_private

SECRETS = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_DATABASE_PASSWORD",
    "REDIS_PASSWORD",
    "BRIDLE_TASK_PASSWORD",
    "ADMIN_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
)
FERNET_KEY = "AIRFLOW_FERNET_KEY"


def fresh_secrets() -> dict[str, str]:
    """Every secret that docker-compose.yaml asks for, safe within a URL."""
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {name: secrets.token_urlsafe(48) for name in SECRETS} | {FERNET_KEY: fernet}


def write_secrets(folder: Path) -> Path:
    """Write `.env` into `folder`.

    Raises:
        ConfigError: there is one; its passwords are those of data that may be there too.
    """
    path = folder / ".env"
    if path.exists():
        raise ConfigError(
            f"{path} is there already and is kept: its passwords belong to the databases' volumes"
        )
    write_private(path, "".join(f"{name}={value}\n" for name, value in fresh_secrets().items()))
    return path
