"""Ports on the loopback."""

import random
import socket
from pathlib import Path

from bridle.local.ports import free_port, is_free


def test_a_free_preferred_port_is_chosen() -> None:
    port = free_port()
    assert free_port(port) == port


def test_a_taken_preferred_port_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        assert free_port(taken) != taken


def test_a_chosen_port_is_none_that_the_kernel_gives_to_whoever_connects() -> None:
    """An API server took its port seconds after it was chosen, and found an outgoing connection on it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < first for _ in range(20))


def test_two_processes_with_the_same_seed_choose_different_ports() -> None:
    def chosen() -> list[int]:
        random.seed(1)
        return [free_port() for _ in range(3)]

    assert chosen() != chosen()
