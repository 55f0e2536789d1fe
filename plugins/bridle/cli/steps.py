"""The demo's own steps: numbered, timed, one line when each begins and one when it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Steps:
    """Numbers steps from 1 and prints them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.number = 1

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; what is said within appears below its title, and its end with the seconds it took."""
        self.console.print(f"[bold]{self.number:>3}  {escape(title)}[/]")
        self.number += 1
        began = time.monotonic()
        try:
            yield self._say
        except BaseException:
            self.console.print(f"   [red]✗[/]   [dim]{time.monotonic() - began:.1f} s[/]")
            raise
        self.console.print(f"   [green]✓[/]   [dim]{time.monotonic() - began:.1f} s[/]")

    def _say(self, text: str) -> None:
        self.console.print(f"       {escape(text)}", soft_wrap=True)
