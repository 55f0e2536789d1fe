"""docker-compose.yaml, read as Compose reads it, so that its services can be run where there is no Docker."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<how>:[?-])(?P<rest>[^}]*))?\})")


class Missing(Exception):
    """A variable that must be given is not."""


@dataclass(frozen=True)
class Service:
    """What Compose would start."""

    name: str
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    settings: Mapping[str, Any]


class Compose:
    """The file, with the variables of an `.env` put in."""

    def __init__(self, variables: Mapping[str, str], path: Path = COMPOSE) -> None:
        self._variables = variables
        self._text = path.read_text(encoding="utf-8")

    @cached_property
    def document(self) -> dict[str, Any]:
        """All of it.

        Raises:
            Missing: a variable that has no default.
        """
        return self._filled(yaml.safe_load(self._text))

    @property
    def services(self) -> dict[str, Service]:
        """Each by its name."""
        return {name: _service(name, settings) for name, settings in self.document["services"].items()}

    def config(self, name: str) -> str:
        """The content of one of its configuration files."""
        return str(self.document["configs"][name]["content"])

    def statements(self, name: str) -> list[str]:
        """Those of one of its files of SQL."""
        return [each.strip() for each in self.config(name).split(";") if each.strip()]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        return _VARIABLE.sub(self._fill, value) if isinstance(value, str) else value

    def _fill(self, match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        value = self._variables.get(match["name"], "")
        if not value and match["how"] == ":?":
            raise Missing(f"{match['name']}: {match['rest']}")
        return value or (match["rest"] if match["how"] == ":-" else "")


def _service(name: str, settings: Mapping[str, Any]) -> Service:
    environment = {key: str(value) for key, value in (settings.get("environment") or {}).items()}
    kind, *health = settings.get("healthcheck", {}).get("test", ["NONE"])
    return Service(
        name=name,
        command=[*settings.get("entrypoint", ()), *settings.get("command", ())],
        environment=environment,
        health=["/bin/sh", "-c", *health] if kind == "CMD-SHELL" else health,
        settings=settings,
    )
