"""The scripted model as a process of its own, spoken to over HTTP.

    python -m bridle.testing.model_server --script FILE [--port 0] [--journal FILE] [--task ID]
        [--workdir PATH]

prints its URL on one line and serves until it is ended. Tests use `ModelServer`.
"""

import argparse
import json
import logging
import socket
from pathlib import Path
from typing import Any

from bridle.gateway.script import Script, ScriptedModel
from bridle.testing.served import Served


class ModelServer(Served):
    """A running scripted model, as a context manager.

    Args:
        script: the script file (see `bridle.gateway.script.document`).
        journal: where to write the journal; default: beside the script.
        task: the task of requests that do not say which; default: the script's only one.
        workdir: the work tree of requests that do not say which.

    Raises:
        RuntimeError: the server did not start; its error output, for instance the script's mistake, is above.
    """

    def __init__(
        self,
        script: Path,
        *,
        journal: Path | None = None,
        task: str | None = None,
        workdir: Path | None = None,
    ) -> None:
        self.journal_path = journal or script.with_suffix(".journal.jsonl")
        options = ["--script", str(script), "--journal", str(self.journal_path)]
        options += ["--task", task] if task else []
        options += ["--workdir", str(workdir)] if workdir else []
        super().__init__(__name__, *options)

    def requests(self) -> list[dict[str, Any]]:
        """The journal so far, one entry for each request."""
        if not self.journal_path.exists():
            return []
        return [json.loads(line) for line in self.journal_path.read_text(encoding="utf-8").splitlines()]

    def tokens(self, task: str | None = None) -> dict[str, int]:
        """The journal's own sum of what complete answers reported, of one task or of all."""
        usages = [
            line["usage"] for line in self.requests() if line["usage"] and task in (None, line.get("task"))
        ]
        return {name: sum(usage[name] for usage in usages) for name in (usages[0] if usages else ())}


def main(argv: list[str] | None = None) -> None:
    """Serve a script until the process is ended."""
    import uvicorn

    options = argparse.ArgumentParser(prog="python -m bridle.testing.model_server", description=__doc__)
    options.add_argument("--script", type=Path, required=True)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--journal", type=Path)
    options.add_argument("--task")
    options.add_argument("--workdir", type=Path)
    given = options.parse_args(argv)
    app = ScriptedModel(
        Script.read(given.script), journal=given.journal, task=given.task, workdir=given.workdir
    )
    listener = socket.create_server(("127.0.0.1", given.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
    # a scripted cut is an answer left incomplete, which uvicorn would report as an error of the application
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
