"""All checks, in the order in which they are told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bridle.doctor import airflow, connections, database, files, host, traces, versions
from bridle.doctor.finding import Finding, fail, unseen
from bridle.doctor.patient import Patient
from bridle.errors import BridleError

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: dict[str, tuple[Check, ...]] = {
    "Versions": (versions.python, versions.packages, versions.git, versions.agents),
    "Files": (files.settings, files.roles, files.repositories, files.prompts),
    "Connections": (connections.models, connections.repositories),
    "Databases": (database.ledger, database.metadata),
    "This host": (host.sandbox, host.postgres, host.ports, host.folders, host.disk),
    "Airflow": (
        *(airflow.executor, airflow.workflows, airflow.settings, airflow.reconnecting),
        traces.traces,
    ),
}
"""Group to its checks; a new check is one function and one entry here."""


@dataclass(frozen=True)
class Group:
    """What belongs together."""

    name: str
    findings: tuple[Finding, ...]


def examine(patient: Patient) -> Iterator[Group]:
    """Run every check; one that breaks is a finding, too."""
    for name, checks in CHECKS.items():
        yield Group(name, tuple(finding for check in checks for finding in _run(check, patient)))


def _run(check: Check, patient: Patient) -> Iterator[Finding]:
    what = check.__name__
    try:
        yield from check(patient)
    except BridleError as error:
        yield fail(what, str(error), "")
    except Exception as error:  # noqa: BLE001 (whatever is broken here, the rest is still worth looking at)
        yield unseen(what, f"looking broke off: {type(error).__name__}: {error}")
