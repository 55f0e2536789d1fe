"""Codex, the real CLI: `codex exec --json`.

Not its SDK: that starts the same binary as a server, takes three times the processor time, and offers nothing
that a session needs. What it could do beside, interrupting a turn, is what ending a process does here.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bridle.agents.access import tools_of
from bridle.agents.base import Event, Outcome, SessionResult, SessionSpec, Supports
from bridle.agents.codex_stream import CodexStream, Ending
from bridle.agents.ending import api_error, failed, invalid
from bridle.agents.rollout import lay_out, newest
from bridle.agents.strict import strict
from bridle.errors import ConfigError

INSTALL = "Codex is not installed here; run: pip install 'airflow-bridle[codex]'"

INSTRUCTIONS = (
    "You work in a git repository, in its root, without network. Do not commit: the harness does. Nobody can "
    "answer questions. Be brief."
)
"""In place of the twenty kilobytes that Codex brings along."""

TOKEN = "BRIDLE_GATEWAY_TOKEN"  # noqa: S105
"""Environment variable that Codex takes the session's token from."""

CONTEXT_TOKENS = 256_000
"""Codex begins to summarise its own history when it comes near."""

_OFF = (
    *(
        "apps",
        "browser_use",
        "computer_use",
        "daemon_auto_start",
        "enable_request_compression",
        "goals",
        "hooks",
    ),
    *("image_generation", "multi_agent", "plugins", "remote_plugin", "shell_snapshot", "skill_search"),
    *("tool_suggest", "view_image"),
    # without it, a gateway that is gone would be waited for until the session's time is up
    "unbounded_connection_retries",
)
"""Features that would send requests of their own, cost context, or start something."""


class CodexAgent:
    """Runs the bundled CLI with the smallest context that does the job, and no settings but ours."""

    name = "codex"
    # it reads and searches with its shell, so that there is nothing to choose
    supports = Supports(
        dialects=("openai-responses",),
        efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        tools=False,
    )

    def run(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> SessionResult:
        """Run the session to its end.

        Raises:
            ConfigError: the CLI is not installed.
        """
        try:
            from codex_cli_bin import bundled_codex_path
        except ImportError as error:
            raise ConfigError(INSTALL) from error
        try:
            cli = bundled_codex_path()
        except FileNotFoundError as error:
            raise ConfigError(f"{INSTALL} ({error})") from error
        return _Session(cli, spec, on_event).run()

    def transcript(self, home: Path) -> Path | None:
        """The newest rollout file in the session's own configuration folder."""
        return newest(_config(home))


class _Session:
    def __init__(self, cli: Path, spec: SessionSpec, on_event: Callable[[Event], None]) -> None:
        self.cli = cli
        self.spec = spec
        self.environment = {**os.environ, "CODEX_HOME": str(_config(spec.home))}
        self.stream = CodexStream(spec, _config(spec.home), on_event)
        self.schema = strict(spec.output_schema) if spec.output_schema else None

    def run(self) -> SessionResult:
        spec, stream = self.spec, self.stream
        _config(spec.home).mkdir(parents=True, exist_ok=True)
        resume = spec.resume
        if resume and lay_out(resume.transcript, resume.session_ref, _config(spec.home)):
            stream.resume(resume.session_ref)
        result = self._result(self._codex(self._prompt()))
        if result.reason.startswith("output: ") and stream.session_ref:
            again = f"Your answer is not what was asked for: {result.reason}. Answer again, with JSON only."
            result = self._result(self._codex(again))
        return result

    def _prompt(self) -> str:
        schema = self.spec.output_schema
        if schema is None or self.schema is not None:
            return self.spec.prompt
        return f"{self.spec.prompt}\n\nAnswer with JSON only, of this schema:\n{json.dumps(schema)}"

    def _codex(self, prompt: str) -> Ending:
        """One run of the CLI: how it ended."""
        session = ["resume", self.stream.session_ref] if self.stream.session_ref else []
        complaints = _config(self.spec.home) / "stderr"
        with complaints.open("wb") as stderr:
            process = subprocess.Popen(
                [*self._command(), *session, "-"],
                cwd=self.spec.workdir,
                env={**self.environment, TOKEN: self.spec.gateway_token},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            assert process.stdin is not None and process.stdout is not None  # noqa: S101
            # one that ends before it has read its prompt says why on the other stream
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(prompt.encode())
            for line in process.stdout:
                self.stream.line(line)
            code = process.wait()
        said = complaints.read_text(encoding="utf-8", errors="replace").strip()
        return self.stream.end(code, said)

    def _command(self) -> Iterator[str]:
        spec = self.spec
        yield from (str(self.cli), "exec", "--json", "--ignore-user-config", "--ignore-rules")
        yield from ("--skip-git-repo-check", "--cd", str(spec.workdir), "--model", spec.model)
        yield from ("--sandbox", self._sandbox())
        for key, value in self._settings().items():
            yield from ("--config", f"{key}={_toml(value)}")
        if self.schema is not None:
            path = _config(spec.home) / "answer.json"
            path.write_text(json.dumps(self.schema))
            yield from ("--output-schema", str(path))

    def _sandbox(self) -> str:
        """Codex's own sandbox, beside the harness's, which is what keeps a session in its place.

        It is no further wall for a session that writes. One that only reads it keeps from writing, where this
        kernel lets one sandbox be made inside another; else the harness throws away what was written.
        """
        if self.spec.access != "read":
            return "danger-full-access"
        probe = [str(self.cli), "sandbox", "--config", "sandbox_mode=read-only", "--", "true"]
        done = subprocess.run(
            probe, cwd=self.spec.workdir, env=self.environment, capture_output=True, check=False
        )
        return "danger-full-access" if done.returncode else "read-only"

    def _settings(self) -> dict[str, Any]:
        spec = self.spec
        catalog = _config(spec.home) / "models.json"
        catalog.write_text(json.dumps({"models": [_model(spec)]}))
        settings: dict[str, Any] = {
            "model_catalog_json": str(catalog),
            "model_provider": "bridle",
            "model_providers.bridle": {
                "name": "bridle",
                "base_url": f"{spec.gateway_url}/v1",
                "env_key": TOKEN,
                "wire_api": "responses",
                "supports_websockets": False,
                # the two multiply
                "request_max_retries": 0,
                "stream_max_retries": 4,
                "stream_idle_timeout_ms": 300_000,
            },
            "approval_policy": "never",
            # else a configuration in the repository is read, and the servers that it names are started
            "projects": {str(spec.workdir): {"trust_level": "untrusted"}},
            "project_doc_max_bytes": 0,
            "include_apps_instructions": False,
            "include_collaboration_mode_instructions": False,
            "include_environment_context": False,
            "include_permissions_instructions": False,
            "allow_login_shell": False,
            "shell_environment_policy": {"inherit": "all", "exclude": [TOKEN, "CODEX_*"]},
            "analytics.enabled": False,
            "check_for_update_on_startup": False,
            "cli_auth_credentials_store": "file",
            "web_search": "disabled",
            "tools.experimental_request_user_input.enabled": False,
            "tools.update_plan.enabled": False,
            "skills.bundled.enabled": False,
            "skills.include_instructions": False,
            **{f"features.{name}": False for name in _OFF},
        }
        settings["model_reasoning_summary"] = "auto" if spec.reasoning_summary else "none"
        if spec.effort:
            settings["model_reasoning_effort"] = spec.effort
        return settings

    def _result(self, ending: Ending) -> SessionResult:
        stream = self.stream
        known: dict[str, Any] = {
            "session_ref": stream.session_ref,
            "turns": stream.turns,
            "reported": stream.reported,
        }
        if ending.error is not None:
            return (
                api_error(ending.status, ending.error, **known)
                if ending.asked
                else failed(f"codex: {ending.error}", **known)
            )
        text = stream.last_text
        if not text:
            return failed("empty: the session ended without an answer", **known)
        schema = self.spec.output_schema
        if schema is None:
            return SessionResult(outcome=Outcome.DONE, summary=text[:500], **known)
        try:
            output = json.loads(text)
        except ValueError:
            return failed("output: the answer is no JSON", **known)
        if problem := invalid(schema, output):
            return failed(f"output: {problem}", **known)
        return SessionResult(outcome=Outcome.DONE, summary=text[:500], output=output, **known)


def _model(spec: SessionSpec) -> dict[str, Any]:
    """The model as Codex's catalog describes one; Codex's own entries bring tools and texts along."""
    tools: Sequence[str] = tools_of(spec)
    instructions = [spec.instructions, INSTRUCTIONS if tools else ""]
    return {
        "slug": spec.model,
        "display_name": spec.model,
        "description": None,
        "base_instructions": "\n\n".join(text for text in instructions if text) or "Be brief.",
        "supported_reasoning_levels": [],
        "supports_reasoning_summary_parameter": True,
        "shell_type": "unified_exec" if tools else "disabled",
        "apply_patch_tool_type": "freeform" if "edit" in tools else None,
        "supports_parallel_tool_calls": True,
        "support_verbosity": False,
        "experimental_supported_tools": [],
        "truncation_policy": {"mode": "tokens", "limit": 10_000},
        "context_window": CONTEXT_TOKENS,
        "visibility": "list",
        "supported_in_api": True,
        "priority": 1,
        "availability_nux": None,
        "upgrade": None,
    }


def _toml(value: Any) -> str:
    """A value as TOML, which is JSON but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def _config(home: Path) -> Path:
    return home / ".codex"
