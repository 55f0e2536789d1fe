"""The stack's own secrets: made once, kept for the owner only."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bridle.local.files import write_private


def _key() -> str:
    return secrets.token_urlsafe(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Keys:
    """Secrets of one stack."""

    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """Of the user `admin` in the UI and REST API."""
    fernet: str = field(default_factory=_fernet_key)
    """Encrypts the connections that are kept in Airflow's database."""
    worker: str = field(default_factory=_key)
    """Password of the database role that tasks write the ledger with."""
    jwt: str = field(default_factory=_key)
    """Signs the tokens of tasks and users."""
    session: str = field(default_factory=_key)
    """Signs cookies, and the requests for logs."""

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """The keys in `path`; what is missing there is made."""
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        keys = cls(**kept)
        if asdict(keys) != kept:
            write_private(path, json.dumps(asdict(keys)))
        return keys
