"""The login that tasks use: it writes the ledger and cannot rewrite it."""

import psycopg
from psycopg import sql

from bridle.errors import ConfigError, LedgerUnavailable
from bridle.ledger.database import postgres_url
from bridle.ledger.grants import TASK_ROLE

_EXISTS = "SELECT FROM pg_roles WHERE rolname = %s"
_MEMBER = """SELECT FROM pg_auth_members WHERE roleid = %s::regrole
    AND member = (SELECT oid FROM pg_roles WHERE rolname = %s)"""


def make_task_login(url: str, name: str, password: str) -> None:
    """Make sure that `name` may log in with `password` and has the rights of `bridle_task`.

    Args:
        url: of the ledger's owner, who may make roles.
        name: of the login; a new one, or one that is a member of `bridle_task` already.
        password: its new password.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
        ConfigError: the owner may not make roles, or somebody else's login has that name.
    """
    plain = postgres_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    role, tasks = sql.Identifier(name), sql.Identifier(TASK_ROLE)
    try:
        with psycopg.connect(plain, connect_timeout=10, prepare_threshold=None) as connection:
            if not connection.execute(_EXISTS, [name]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} IN ROLE {}").format(role, tasks))
            elif not connection.execute(_MEMBER, [TASK_ROLE, name]).rowcount:
                raise ConfigError(
                    f"there is a role {name} already, and it is no login of tasks: its rights would stay, "
                    f"its password would not. Take another name, or `GRANT {TASK_ROLE} TO {name}` first"
                )
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject) as error:
        raise ConfigError(
            f"the ledger's owner may not make the login {name}: {error.diag.message_primary}. As an "
            f"administrator: `CREATE ROLE {TASK_ROLE}` if there is none, and `CREATE ROLE {name} LOGIN "
            f"PASSWORD '…' IN ROLE {TASK_ROLE}`; then `bridle migrate` again, without --task-login: it gives "
            "them their rights"
        ) from error
    except psycopg.OperationalError as error:
        raise LedgerUnavailable(
            f"PostgreSQL is out of reach: {str(error).strip().splitlines()[0]}. Start it, or correct its URL"
        ) from error
