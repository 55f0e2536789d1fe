"""Ports on the loopback."""

import socket

from bridle.local.ports import free_port, is_free


def test_a_free_preferred_port_is_chosen() -> None:
    port = free_port()
    assert free_port(port) == port


def test_a_taken_preferred_port_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        assert free_port(taken) != taken
