"""The login that tasks use: it writes the ledger and cannot rewrite it."""

import psycopg
from psycopg import sql

from bridle.errors import ConfigError, LedgerUnavailable
from bridle.ledger.database import postgres_url

TASK_ROLE = "bridle_task"
"""The role with the rights; made by the first migration."""


def make_task_login(url: str, name: str, password: str) -> None:
    """Make sure that `name` may log in with `password` and has the rights of `bridle_task`, no others.

    Args:
        url: of the ledger's owner, who may make roles.
        name: of the login.
        password: its new password.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
        ConfigError: the owner may not make roles.
    """
    plain = postgres_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    role = sql.Identifier(name)
    try:
        with psycopg.connect(plain, connect_timeout=10, prepare_threshold=None) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {}").format(role))
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(TASK_ROLE), role))
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"the ledger's owner may not make the login {name}: {error.diag.message_primary}. Make it as an "
            f"administrator, and `GRANT {TASK_ROLE} TO {name}`"
        ) from error
    except psycopg.OperationalError as error:
        raise LedgerUnavailable(
            f"PostgreSQL is out of reach: {str(error).strip().splitlines()[0]}. Start it, or correct its URL"
        ) from error
