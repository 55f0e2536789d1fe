"""A stand-in server as a process of its own."""

import subprocess
import sys
from types import TracebackType
from typing import Self


class Served:
    """A module that prints its URL on one line and serves until it is ended, as a context manager.

    Args:
        module: run with `python -m`.
        options: its command line.
    """

    def __init__(self, module: str, *options: str) -> None:
        self._argv = [sys.executable, "-m", module, *options]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError(f"a stand-in did not start: {' '.join(self._argv)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            with self._process:
                self._process.kill()
