"""What users write: settings, roles, repositories, prompts."""

from collections.abc import Iterator

from bridle.doctor.finding import Finding, ok, warn
from bridle.doctor.patient import Patient

PROMPTS = ("answer.md", "classify_issue.md", "implement.md", "investigate.md", "plan.md", "review.md")


def settings(patient: Patient) -> Iterator[Finding]:
    """Bridle's section of the configuration."""
    found = patient.settings
    yield ok("settings", f"models are {found.gateway_mode}, isolation is {found.isolation}")
    if found.gateway_mode == "script":
        yield warn(
            "gateway_mode",
            f"every model is played from {found.required_script}",
            "unset [bridle] gateway_mode to call real ones",
        )


def roles(patient: Patient) -> Iterator[Finding]:
    """roles.yaml."""
    yield ok("roles.yaml", ", ".join(f"{name}: {role.model}" for name, role in patient.roles.roles.items()))


def repositories(patient: Patient) -> Iterator[Finding]:
    """repositories.yaml."""
    names = list(patient.repositories.repositories)
    if names:
        yield ok("repositories.yaml", ", ".join(names))
    else:
        yield warn(
            "repositories.yaml", "no repository is on the allow-list", "add yours to repositories.yaml"
        )


def prompts(patient: Patient) -> Iterator[Finding]:
    """The prompt files of the workflows that Bridle ships."""
    places = {
        patient.settings.include(f"prompts/{name}", beside=patient.dags).parent.resolve() for name in PROMPTS
    }
    yield ok("prompts", f"in {', '.join(sorted(map(str, places)))}")
