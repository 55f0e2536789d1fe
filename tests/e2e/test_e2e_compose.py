"""docker-compose.yaml and Dockerfile, as far as they can be looked at without Docker."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
import yaml
from e2e_compose import ROOT, Compose, Missing
from e2e_machines import STORES, Machines, require_stores
from e2e_processes import eventually

from bridle.errors import ConfigError
from bridle.ledger import migrate
from bridle.local.compose import fresh_secrets, write_secrets
from bridle.local.postgres import Postgres

SECRETS = fresh_secrets()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> Compose:
    return Compose(SECRETS)


def lint(program: str, *arguments: str) -> None:
    path = Path(sys.executable).with_name(program)
    if not path.exists():
        pytest.skip(f"{program} is not installed: pip install -e '.[dev]'")
    done = subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_follows_the_specification() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")


def test_the_dockerfile_has_nothing_a_linter_minds() -> None:
    """Debian has only the newest of a package; users have names in their images."""
    lint("hadolint", "--ignore", "DL3008", "--ignore", "DL3066", "Dockerfile")


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_without_a_secret_nothing_starts_and_the_remedy_is_named(secret: str) -> None:
    with pytest.raises(Missing, match=f"{secret}: .*bridle init --compose"):
        _ = Compose({name: value for name, value in SECRETS.items() if name != secret}).document


def test_no_password_is_written_in_the_file(compose: Compose) -> None:
    """Whatever logs in somewhere does so with a secret of `.env`."""
    urls = [
        value
        for service in compose.services.values()
        for value in service.environment.values()
        if "@" in value and "://" in value
    ]
    assert urls
    assert all(re.search(r":([^:@/]+)@", url)[1] in SECRETS.values() for url in urls)


def test_init_writes_secrets_that_compose_takes_for_the_owner_only(tmp_path: Path) -> None:
    path = write_secrets(tmp_path)
    assert path.stat().st_mode & 0o077 == 0
    given = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert Compose(given).services
    assert len(set(given.values())) == len(given)


def test_init_keeps_the_secrets_of_data_that_is_there(tmp_path: Path) -> None:
    path = write_secrets(tmp_path)
    before = path.read_text()
    with pytest.raises(ConfigError, match="is kept"):
        write_secrets(tmp_path)
    assert path.read_text() == before


def test_only_the_ui_is_published_and_only_on_the_loopback(compose: Compose) -> None:
    published = {name: service.settings.get("ports") for name, service in compose.services.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "airflow-apiserver": ["127.0.0.1:8080:8080"]
    }


def test_everything_that_stays_up_is_restarted_and_looked_after(compose: Compose) -> None:
    lasting = {name: it for name, it in compose.services.items() if name != "airflow-init"}
    assert {name for name, it in lasting.items() if it.settings.get("restart") != "always"} == set()
    assert {name for name, it in lasting.items() if not it.health} == {"bridle-keeper"}


@pytest.fixture
def stores() -> Iterator[Machines]:
    """PostgreSQL, Redis and PgBouncer, each started by the service's own command."""
    require_stores()
    with TemporaryDirectory(prefix="bridle-stores-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        stores = Machines(folder / "stores", dags=ROOT / "dags", include=ROOT / "include", env={})
        try:
            stores.start_stores()
            yield stores
        finally:
            stores.__exit__()


def test_health_checks_pass_while_their_server_is_there_and_fail_when_it_is_not(stores: Machines) -> None:
    for name in STORES:
        eventually(f"{name} is well", lambda name=name: stores.healthy(name), 180)
    assert not stores.healthy("redis", REDISCLI_AUTH="wrong"), "an answer that refuses is no health"
    there = list(STORES)
    for gone in ("pgbouncer", "redis", "postgres"):
        stores.end_store(gone)
        there.remove(gone)
        assert [name for name in STORES if stores.healthy(name)] == there


def test_airflow_waits_until_both_databases_are_migrated(compose: Compose) -> None:
    ours = [it for it in compose.services.values() if it.settings.get("image") == "bridle-airflow"]
    waiting = {
        it.name for it in ours if "airflow-init" in it.settings["depends_on"] and it.name != "airflow-init"
    }
    assert waiting == {it.name for it in ours} - {"airflow-init"}


def test_only_the_owners_services_see_the_ledgers_owner(compose: Compose) -> None:
    """Tasks run in the worker; a task that cannot delete rows cannot rewrite history."""
    owners = {name for name, it in compose.services.items() if "BRIDLE_LEDGER_URL" in it.environment}
    assert owners == {"airflow-init", "bridle-keeper"}
    knowing = {
        name for name, it in compose.services.items() if SECRETS["POSTGRES_PASSWORD"] in str(it.environment)
    }
    assert knowing == {"postgres", *owners}
    ledgers = {it.environment.get("AIRFLOW_CONN_BRIDLE_LEDGER", "") for it in compose.services.values()}
    assert all("bridle_worker" in url for url in ledgers if url)


def test_airflows_own_login_owns_its_database_and_has_no_say_in_the_ledger(compose: Compose) -> None:
    """Every task has it in its environment."""
    with TemporaryDirectory(prefix="bridle-postgres-") as folder, Postgres(Path(folder), fast=True) as server:
        with psycopg.connect(libpq(server.url()), autocommit=True) as connection:
            for statement in compose.statements("airflow.sql"):
                connection.execute(statement.encode())
        migrate.upgrade(server.url("bridle"), create_database=True)
        login = {"user": "airflow", "password": SECRETS["AIRFLOW_DATABASE_PASSWORD"]}
        with psycopg.connect(libpq(server.url("airflow")), **login) as connection:
            connection.execute("CREATE TABLE mine (id INTEGER)")
        with (
            psycopg.connect(libpq(server.url("bridle")), **login) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT FROM bridle.session")


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_pools_of_the_users_own_file_are_made(compose: Compose) -> None:
    """`bridle migrate` reads roles.yaml where tasks read it."""
    init, worker = (
        set(compose.services[name].settings["volumes"]) for name in ("airflow-init", "airflow-worker")
    )
    shared = {"./dags:/opt/airflow/dags:ro", "./include:/opt/airflow/include:ro"}
    assert shared <= init & worker


def test_the_image_is_not_roots() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    users = [re.findall(r"^USER (\w+)", stage, re.MULTILINE)[-1] for stage in stages]
    assert users == ["nobody", "airflow"]


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {
        source
        for sources in re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    }
    assert copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert [path for path in copied if not any(Path(path).is_relative_to(it) for it in allowed)] == []


def test_what_the_dockerfile_copies_is_enough_to_build_the_package(tmp_path: Path) -> None:
    """First for the layer of dependencies, with next to nothing of the package; then all of it."""
    steps = re.findall(r"^COPY (?:--\S+ )*(.+) (\S+)$", DOCKERFILE, re.MULTILINE)
    for sources, target in steps:
        for source in sources.split():
            place = tmp_path / target.removeprefix("/opt/bridle").lstrip("/")
            if target.endswith("/"):
                place /= Path(source).name
            copy(ROOT / source, place)
        if sources in ("include", "plugins/bridle"):  # after these, pip installs
            argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
            built = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert built.returncode == 0, built.stderr


def copy(source: Path, target: Path) -> None:
    """As `COPY` does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_debian_has_the_packages_of_the_dockerfile() -> None:
    if shutil.which("apt-cache") is None or "bookworm" not in Path("/etc/os-release").read_text():
        pytest.skip("not on the Debian that the images are made of")
    names = re.findall(r"--no-install-recommends ([\w\s-]+?)\s*\\?$", DOCKERFILE, re.MULTILINE)
    packages = [name for group in names for name in group.split()]
    known = subprocess.run(["apt-cache", "show", *packages], capture_output=True, text=True, check=False)
    assert {"git", "bubblewrap", "socat", "pgbouncer"} <= set(packages)
    assert known.returncode == 0, known.stderr


def test_the_images_python_and_airflow_are_those_that_are_tested() -> None:
    pinned = re.search(r"^apache-airflow==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"ARG AIRFLOW={pinned[1]}\n" in DOCKERFILE
    extras = re.search(r"bridle\[([\w,]+)\]", DOCKERFILE)
    assert extras is not None
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{name} = \[", project, re.MULTILINE) for name in extras[1].split(","))


def test_the_file_is_plain_yaml_without_doubled_keys() -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, object]:
        keys = [loader.construct_object(key) for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), keys
        loader.flatten_mapping(node)
        return {
            loader.construct_object(key): loader.construct_object(value, deep=True)
            for key, value in node.value
        }

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    assert yaml.load((ROOT / "docker-compose.yaml").read_text(), Strict)
