"""Free TCP ports on the loopback."""

import random
import socket

_QUIET = range(20_000, 32_768)
"""Below the ports that the kernel gives to whoever connects (Linux: from 32768, macOS: from 49152): one that
is free here is still free when its server gets to listen, also seconds later, and after a restart."""


def free_port(preferred: int | None = None) -> int:
    """A port on 127.0.0.1 that nobody listens on: `preferred` when it is free, else any.

    Raises:
        OSError: there is none.
    """
    # the system's own randomness: two processes with the same seed must not choose alike
    for candidate in (preferred, *random.SystemRandom().sample(_QUIET, 100), 0):
        if candidate is not None and (port := _bindable(candidate)):
            return port
    raise OSError("no free TCP port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether `port` could be listened on now."""
    return _bindable(port) is not None


def _bindable(port: int) -> int | None:
    with socket.socket() as probe:
        # as servers do: a port in TIME_WAIT is free, one that is listened on is not
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
