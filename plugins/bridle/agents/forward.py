"""The gateway's port inside a sandbox that has no network: passed on to the gateway's Unix socket."""

import contextlib
import shutil
import socket
import socketserver
import threading
from pathlib import Path
from urllib.parse import urlsplit


def forward(url: str, gateway: Path) -> None:
    """Listen on the host and port of `url`, and pass every connection on to the socket `gateway`.

    Runs in daemon threads until the process ends.
    """
    address = urlsplit(url)

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as there, contextlib.suppress(OSError):
                there.connect(str(gateway))
                back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
                back.start()
                _pump(self.connection, there)
                back.join()

    server = socketserver.ThreadingTCPServer(
        (address.hostname or "127.0.0.1", address.port or 80), Connection
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="gateway-forwarder", daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source.makefile("rb", buffering=0) as data:
        with target.makefile("wb", buffering=0) as sink:
            shutil.copyfileobj(data, sink)
        target.shutdown(socket.SHUT_WR)
