"""The scripted model as a process of its own, spoken to over HTTP.

    python -m bridle.testing.model_server --script FILE [--port 0] [--journal FILE] [--task ID]
        [--workdir PATH]

prints its URL on one line and serves until it is ended. Tests use `ModelServer`.
"""

import argparse
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridle.gateway.script import Script, ScriptedModel


class ModelServer:
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
        self._argv = [
            sys.executable,
            "-m",
            __name__,
            "--script",
            str(script),
            "--journal",
            str(self.journal_path),
        ]
        self._argv += ["--task", task] if task else []
        self._argv += ["--workdir", str(workdir)] if workdir else []
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError(f"the scripted model did not start: {' '.join(self._argv)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            with self._process:
                self._process.kill()

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
