"""The ledger, Airflow's own database, and the clocks of both sides."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from bridle.doctor.finding import Finding, fail, ok, unseen, warn
from bridle.doctor.patient import Patient
from bridle.errors import BridleError
from bridle.ledger import migrate
from bridle.ledger.database import Database
from bridle.ledger.schema import SCHEMA
from bridle.ledger.store import Ledger
from bridle.local.rest import ending

SKEW_SECONDS = 2.0
WRONG_SECONDS = 30.0
"""Leases are kept by the database's clock, and tokens of the API expire by the hosts'."""


def ledger(patient: Patient) -> Iterator[Finding]:
    """Its server, its migrations, and this host's clock against its own."""
    conn_id = patient.settings.ledger_conn_id
    try:
        with Ledger.from_connection(conn_id) as found:
            url = found.url
    except BridleError as error:
        yield fail(
            "ledger", str(error), "start one with `bridle up`, or see docs/install.md, `Give it a ledger`"
        )
        return
    database = Database(url)
    try:
        yield from _server(database)
        yield _migrations(url)
        if migrate.current(url):
            yield from _books(database)
    except BridleError as error:
        yield fail("ledger", str(error), "start it, or correct the connection; then `bridle migrate`")
    finally:
        database.close()


def _server(database: Database) -> Iterator[Finding]:
    with database.transaction() as connection:
        before = time.time()
        moment, version, user = connection.execute(
            text(
                "SELECT extract(epoch FROM clock_timestamp()), current_setting('server_version'),"
                " current_user"
            )
        ).one()
        skew = abs(float(moment) - (before + time.time()) / 2)
    yield ok("ledger", f"{database.where}, PostgreSQL {version}, as {user}")
    if skew > SKEW_SECONDS:
        told = fail if skew > WRONG_SECONDS else warn
        yield told(
            "clock", f"this host and the database differ by {skew:.1f} s", "keep both in time by NTP (chrony)"
        )
    else:
        yield ok("clock", f"{skew:.2f} s from the database's")


def _migrations(url: str) -> Finding:
    found, newest = migrate.current(url), migrate.head()
    if found == newest:
        return ok("migrations", f"at {found}")
    if found is not None and found > newest:
        return fail(
            "migrations",
            f"the ledger is at {found}, this Bridle knows {newest}",
            "upgrade airflow-bridle here",
        )
    at = f"is at {found}" if found else "has no tables yet"
    return fail("migrations", f"the ledger {at}, this Bridle needs {newest}", "bridle migrate")


def _books(database: Database) -> Iterator[Finding]:
    now = datetime.now(UTC)
    name = f"{SCHEMA}.event_{now.year + now.month // 12}_{now.month % 12 + 1:02d}"
    with database.transaction() as connection:
        user, rewrites, there = connection.execute(
            text("SELECT current_user, has_schema_privilege(:schema, 'CREATE'), to_regclass(:name)"),
            {"schema": SCHEMA, "name": name},
        ).one()
    if rewrites:
        yield warn(
            "ledger's login",
            f"tasks log in as {user}, who may rewrite the books",
            "make a login for tasks: bridle migrate --task-login NAME, and name it in the connection",
        )
    if there:
        yield ok("partitions", "next month's are there")
    else:
        yield warn("partitions", "the ledger has none for next month", "run `bridle migrate` once a month")


def metadata(patient: Patient) -> Iterator[Finding]:
    """Airflow's own database."""
    if not patient.configured:
        yield unseen(
            "Airflow's database", "no Airflow is configured here", "set AIRFLOW_HOME, or `bridle up`"
        )
        return
    url = make_url(patient.option("database", "sql_alchemy_conn"))
    where = f"{url.get_backend_name()} {url.host or ''}/{url.database}"
    if url.get_backend_name() == "sqlite":
        yield warn("Airflow's database", where, "use PostgreSQL: SQLite allows one scheduler and no workers")
    try:
        engine = create_engine(url)
    except ImportError as error:
        yield fail("Airflow's database", f"{where}: {error}", "install its driver, or use another one")
        return
    try:
        with engine.connect() as connection:
            at = connection.scalar(text("SELECT version_num FROM alembic_version"))
            broken = connection.execute(text("SELECT filename, stacktrace FROM import_error")).all()
            pools = connection.execute(text("SELECT pool, slots FROM slot_pool")).all()
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        yield fail("Airflow's database", f"{where}: {said}", "start it, or run `airflow db migrate`")
    else:
        yield ok("Airflow's database", f"{where}, at migration {at}")
        yield from _dag_files({row[0]: row[1] for row in broken})
        yield from _pools(patient, {row[0]: row[1] for row in pools})
    finally:
        engine.dispose()


def _dag_files(broken: Mapping[str, str]) -> Iterator[Finding]:
    """Those that Airflow could not read; those of others are not ours to judge."""
    for name, trace in sorted(broken.items()):
        if "bridle" in trace:
            yield fail(
                f"DAG file {name}", ending(trace), "correct it; Airflow reads it again about every 30 seconds"
            )


def _pools(patient: Patient, there: Mapping[str, int]) -> Iterator[Finding]:
    wanted = {role.pool for role in patient.roles.roles.values() if role.pool} | set(patient.roles.pools)
    if not wanted:
        return
    for pool in sorted(wanted):
        slots = patient.roles.all_pools().get(pool)
        if pool not in there:
            yield fail(
                f"pool {pool}",
                "roles.yaml names it, Airflow has none: its tasks never start",
                "bridle migrate",
            )
        elif slots is not None and there[pool] != slots:
            yield warn(
                f"pool {pool}",
                f"{there[pool]} slots, roles.yaml says {slots}",
                "bridle migrate brings it up to date",
            )
        else:
            yield ok(f"pool {pool}", f"{there[pool]} slots")
