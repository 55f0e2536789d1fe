"""Bridle's section of the Airflow configuration."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from bridle.config.recordings import FOLDER
from bridle.errors import ConfigError

GatewayMode = Literal["live", "script", "record", "replay"]
STACK = "BRIDLE_STACK"
"""Variable with the state folder of the local stack that a process belongs to."""

IsolationMode = Literal["auto", "sandbox", "none"]


@dataclass(frozen=True)
class Settings:
    """`[bridle]` in airflow.cfg, or `AIRFLOW__BRIDLE__…` in the environment."""

    home: Path
    """State of this host: mirrors, session folders, spooled events. Default: `$AIRFLOW_HOME/bridle`."""
    include_dir: Path | None
    """Folder with roles.yaml, repositories.yaml, prompts/; None: beside the DAG, then the package's own."""
    repositories_file: Path | None
    """The allow-list, when it is kept elsewhere than in the include directory."""
    ledger_conn_id: str
    """Airflow connection of the ledger."""
    gateway_mode: GatewayMode
    """`live` calls real models; `script` plays the file in `script` without key or network; `record` writes
    down what models answer (those of `script`, when there is one); `replay` answers from a recording."""
    script: Path | None
    """The program of `gateway_mode = script`."""
    isolation: IsolationMode
    """`auto`: the strongest this host has; `sandbox`: refuse to run without; `none`: never."""
    allow_unsandboxed: bool
    """Let live models work without a sandbox on this host: a choice that must be made in words."""
    cassettes: Path | None = None
    """`record`: folder below which each run gets one of its own; `replay`: the folder of one recording."""
    checkpoint_seconds: float = 20.0
    """How often the work of a running session is committed and carried away, when it has changed."""
    roles_file: Path | None = None
    """roles.yaml, when it is kept elsewhere than in the include directory."""
    secret_places: tuple[Path, ...] = ()
    """Folders and files that sessions and checks must not see: Airflow's configuration and passwords."""
    trace_content: bool = False
    """Whether traces hold prompts, answers and tool arguments, redacted; without, they hold facts only."""

    @classmethod
    def load(cls) -> "Settings":
        """Read the running Airflow's configuration.

        Raises:
            ConfigError: an option has a value that is not one of its choices.
        """
        from airflow.configuration import AIRFLOW_CONFIG, AIRFLOW_HOME, conf

        def text(key: str, default: str = "") -> str:
            return str(conf.get("bridle", key, fallback=default) or default)

        def path(key: str) -> Path | None:
            value = text(key)
            return Path(value).expanduser() if value else None

        settings = cls(
            home=path("home") or Path(AIRFLOW_HOME) / "bridle",
            include_dir=path("include_dir"),
            repositories_file=path("repositories_file"),
            ledger_conn_id=text("ledger_conn_id", "bridle_ledger"),
            gateway_mode=cast(GatewayMode, text("gateway_mode", "live")),
            script=path("script"),
            cassettes=path("cassettes"),
            isolation=cast(IsolationMode, text("isolation", "auto")),
            allow_unsandboxed=conf.getboolean("bridle", "allow_unsandboxed", fallback=False),
            checkpoint_seconds=conf.getfloat("bridle", "checkpoint_seconds", fallback=20.0),
            roles_file=path("roles_file"),
            trace_content=conf.getboolean("bridle", "trace_content", fallback=False),
            secret_places=tuple(
                Path(place) for place in (AIRFLOW_HOME, AIRFLOW_CONFIG, os.environ.get(STACK)) if place
            ),
        )
        settings._require("gateway_mode", settings.gateway_mode, get_args(GatewayMode))
        settings._require("isolation", settings.isolation, get_args(IsolationMode))
        return settings

    @property
    def answered_by(self) -> Literal["live", "script", "replay"]:
        """Who answers model calls."""
        if self.gateway_mode == "record":
            return "live" if self.script is None else "script"
        return self.gateway_mode

    @property
    def recordings(self) -> Path:
        """Where `bridle run --record` keeps recordings on this host."""
        return self.home / FOLDER

    def for_run(self, conf: Mapping[str, Any]) -> Self:
        """These settings, with what one run's configuration asks for.

        Args:
            conf: of the run; `{"bridle": {"record": true}}` records it, and `{"bridle": {"replay": NAME}}`
                replays what is called so below `recordings`.

        Raises:
            ConfigError: it asks for something else, for a place outside, or to record a replay.
        """
        asked = conf.get("bridle")
        match asked:
            case None:
                return self
            case {"record": True}:
                if self.answered_by == "replay":
                    raise ConfigError(
                        "the run's configuration asks for a recording, but [bridle] gateway_mode is "
                        "`replay`: what is recorded already cannot be recorded again"
                    )
                script = self.script if self.answered_by == "script" else None
                return replace(self, gateway_mode="record", script=script, cassettes=self.recordings)
            case {"replay": str(name)} if ".." not in Path(name).parts and not Path(name).is_absolute():
                return replace(self, gateway_mode="replay", cassettes=self.recordings / name)
        raise ConfigError(
            f"the run's configuration has `bridle: {asked!r}`; it may be {{'record': true}}, or "
            f"{{'replay': NAME}} with the name of a folder below {self.recordings}"
        )

    @property
    def required_cassettes(self) -> Path:
        """The folder of `gateway_mode = record` and `replay`.

        Raises:
            ConfigError: the setting is missing.
        """
        if self.cassettes is None:
            raise ConfigError(f"[bridle] gateway_mode is `{self.gateway_mode}` but cassettes is not set")
        return self.cassettes

    @property
    def required_script(self) -> Path:
        """The program of `gateway_mode = script`.

        Raises:
            ConfigError: the setting is missing, or no file.
        """
        if self.script is None or not self.script.is_file():
            raise ConfigError(f"[bridle] gateway_mode is `script` but script = {self.script} is no file")
        return self.script

    def include(self, name: str, *, beside: Path | None = None) -> Path:
        """Find a file of the include directory.

        Args:
            name: path below the include directory, for instance `prompts/plan.md`.
            beside: folder of the DAG file, whose neighbour `include/` is the second place looked at.

        Raises:
            ConfigError: none of the places has it; the message lists them.
        """
        from bridle.config.starter import starter_dir

        places = [self.include_dir] if self.include_dir else []
        if beside:
            places += [beside / "include", beside.parent / "include"]
        places.append(starter_dir() / "include")
        for place in places:
            if (place / name).is_file():
                return place / name
        looked = ", ".join(str(place) for place in places)
        raise ConfigError(
            f"{name} not found; looked in {looked}. Set [bridle] include_dir, or run `bridle init`"
        )

    @staticmethod
    def _require(option: str, value: str, choices: tuple[str, ...]) -> None:
        if value not in choices:
            raise ConfigError(f"[bridle] {option} is {value!r}; it must be one of {', '.join(choices)}")
