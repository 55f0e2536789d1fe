"""What Airflow's provider discovery asks of this package."""

from typing import Any

from bridle.version import VERSION


def _option(description: str, kind: str = "string", default: str = "") -> dict[str, Any]:
    return {
        "description": description,
        "type": kind,
        "default": default,
        "example": None,
        "version_added": "0.1.0",
        "sensitive": False,
    }


def get_provider_info() -> dict[str, Any]:
    """Metadata in the form of Airflow's provider schema."""
    return {
        "package-name": "airflow-bridle",
        "name": "Bridle",
        "description": "A harness for coding agents.",
        "versions": [VERSION],
        "connection-types": [
            {
                "hook-class-name": "bridle.gateway.connection.ModelHook",
                "connection-type": "bridle_model",
                "hook-name": "Bridle model provider",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "schema", "port"],
                    "relabeling": {"password": "API key", "host": "Base URL"},
                    "placeholders": {
                        "host": "where it is not the provider's own, e.g. https://models.example.com/v1",
                        "extra": '{"dialects": ["openai-chat"], '
                        '"prices": {"my-model": {"input_mtok": 1, "output_mtok": 4}}}',
                    },
                },
            }
        ],
        "config": {
            "bridle": {
                "description": "Bridle: where it keeps things on this host, and how sessions reach models.",
                "options": {
                    "home": _option(
                        "State of this host: mirrors, session folders. Empty: $AIRFLOW_HOME/bridle."
                    ),
                    "include_dir": _option(
                        "Folder with roles.yaml, repositories.yaml, prompts/, templates/. Empty: `include` "
                        "beside the DAG, then what the package ships."
                    ),
                    "repositories_file": _option(
                        "The allow-list, when it is kept outside the include directory."
                    ),
                    "roles_file": _option("The roles, when they are kept outside the include directory."),
                    "ledger_conn_id": _option("Airflow connection of the ledger.", default="bridle_ledger"),
                    "gateway_mode": _option(
                        "`live` calls models, `script` plays a file without key or network, `record` calls "
                        "models (or plays `script`, when it is set) and writes everything down, `replay` "
                        "plays that.",
                        default="live",
                    ),
                    "cassettes": _option(
                        "`record`: the folder below which each run gets one; `replay`: the folder of one run."
                    ),
                    "script": _option("The file that `gateway_mode = script` plays."),
                    "isolation": _option(
                        "`auto`: the strongest that this host has; `sandbox`: refuse to run without; `none`.",
                        default="auto",
                    ),
                    "allow_unsandboxed": _option(
                        "Let live models work on a host without a sandbox.", kind="boolean", default="False"
                    ),
                    "checkpoint_seconds": _option(
                        "How often a running session's work is committed and carried away.", "float", "20"
                    ),
                    "trace_content": _option(
                        "Let traces hold prompts, answers and tool arguments, redacted, too.",
                        kind="boolean",
                        default="False",
                    ),
                },
            }
        },
    }
