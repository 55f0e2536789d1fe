"""A connection that is lost while a call is reserved: nobody can know whether the ledger heard of it."""

import socket
import threading
from collections.abc import Iterator

import pytest
from ledger_rows import make_attempt, make_call, make_start
from sqlalchemy import make_url

from bridle.errors import LedgerUnavailable
from bridle.ledger.store import Ledger

RUN = "run:issue_fix/manual__1"
WORDS = b"bridle.reserve"


class Cut:
    """Stands before the server, and cuts the connections on which a reservation is asked for."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.answered = False
        """Let the server answer first: the reservation is made, and the client does not know."""
        self.times = 0
        """How many connections to cut from now on."""
        self.cut = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            if WORDS in data and self.times:
                self.times -= 1
                self.cut += 1
                client.shutdown(socket.SHUT_RDWR)
                if self.answered:
                    server.sendall(data)
                    return
                break
            server.sendall(data)
        server.close()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                return


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def cut(ledger_url: str) -> Iterator[Cut]:
    url = make_url(ledger_url)
    assert url.host
    assert url.port
    proxy = Cut((url.host, url.port))
    yield proxy
    proxy.close()


@pytest.fixture
def through(ledger_url: str, cut: Cut) -> Iterator[Ledger]:
    url = make_url(ledger_url).set(host="127.0.0.1", port=cut.port)
    with Ledger(url.render_as_string(hide_password=False)) as ledger:
        yield ledger


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_a_call_is_reserved_once_whether_the_ledger_had_heard_of_it_or_not(
    ledger: Ledger, through: Ledger, cut: Cut, answered: bool
) -> None:
    """The same call is asked for again, over a new connection; there is room for one, not for two."""
    attempt = make_attempt()
    fence = ledger.take_step(attempt)
    session_id = ledger.open_session(make_start(attempt, fence))
    ledger.set_budget(RUN, cap_usd=None, cap_tokens=150)
    cut.answered, cut.times = answered, 1
    through.reserve(make_call(session_id, fence))
    assert cut.cut == 1
    row = ledger.budget(RUN)
    assert row is not None
    assert (row.calls, row.reserved_tokens) == (1, 100)


def test_a_connection_that_is_lost_again_and_again_is_a_ledger_that_is_away(
    ledger: Ledger, through: Ledger, cut: Cut
) -> None:
    """No call may be made; the next one is reserved as if nothing had been."""
    attempt = make_attempt()
    fence = ledger.take_step(attempt)
    session_id = ledger.open_session(make_start(attempt, fence))
    cut.times = 2
    with pytest.raises(LedgerUnavailable):
        through.reserve(make_call(session_id, fence))
    through.reserve(make_call(session_id, fence))
    row = ledger.budget(RUN)
    assert row is not None
    assert row.calls == 1
