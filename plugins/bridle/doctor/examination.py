"""All checks, in the order in which they are told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bridle.doctor import airflow, connections, database, files, host, metrics, traces, versions
from bridle.doctor.finding import Finding, fail, unseen
from bridle.doctor.patient import Patient
from bridle.errors import BridleError

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: dict[str, tuple[Check, ...]] = {
    "Versions": (versions.python, versions.packages, versions.git),
    "Files": (files.settings, files.roles, files.repositories, files.prompts),
    "Agents": (versions.agents,),
    "Connections": (connections.models, connections.repositories),
    "Databases": (database.ledger, database.metadata),
    "This host": (host.sandbox, host.postgres, host.ports, host.folders, host.disk),
    "Airflow": (
        *(airflow.executor, airflow.workflows, airflow.settings, airflow.reconnecting),
        traces.traces,
        metrics.metrics,
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
    told: dict[str, str] = {}
    for name, checks in CHECKS.items():
        yield Group(name, tuple(finding for check in checks for finding in _run(check, patient, told)))


def _run(check: Check, patient: Patient, told: dict[str, str]) -> Iterator[Finding]:
    """What a check finds; a file that is wrong is in the way of many, and is told by the first.

    Args:
        check: to run.
        patient: to look at.
        told: what was in the way, to the check that told it.
    """
    what = check.__name__
    try:
        yield from check(patient)
    except BridleError as error:
        if first := told.get(str(error)):
            yield unseen(what, f"what is wrong with {first} is in the way")
        else:
            told[str(error)] = what
            yield fail(what, str(error), "put that right, and ask again")
    except Exception as error:  # noqa: BLE001 (whatever is broken here, the rest is still worth looking at)
        yield unseen(what, f"looking broke off: {type(error).__name__}: {error}")
