"""Something done again and again while a session runs."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bridle.errors import BridleError, Halted

log = logging.getLogger(__name__)


class Periodic:
    """A thread that calls `action` every `seconds`, from entering the block to leaving it.

    Whatever fails is logged, and the next turn tries again; but a `Halted` error sets `stop` and ends the
    thread: the session must not go on.
    """

    def __init__(
        self, name: str, seconds: float, action: Callable[[], None], *, stop: threading.Event
    ) -> None:
        self._seconds = seconds
        self._action = action
        self._stop = stop
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"bridle-{name}", daemon=True)
        self.halted: Halted | None = None
        """Why the session must not go on, once something has said so."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=30)

    def _loop(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._action()
            except Halted as error:
                if not self._stop.is_set():  # else another has said why, and this one has only heard of it
                    self.halted = error
                self._stop.set()
                return
            except BridleError as error:
                log.warning("%s: %s; trying again in %.0f s", self._thread.name, error, self._seconds)
            except Exception:  # a thread that dies in silence would cost the lease, or the work
                log.exception("%s failed; trying again in %.0f s", self._thread.name, self._seconds)
