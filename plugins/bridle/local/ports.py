"""Free TCP ports on the loopback."""

import socket


def free_port(preferred: int | None = None) -> int:
    """A port on 127.0.0.1 that nobody listens on: `preferred` when it is free, else any."""
    for candidate in (preferred, 0):
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
