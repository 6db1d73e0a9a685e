"""Sockets of another process, which the test started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tokmeter.capture.ebpf.addresses import Destination, destination
from tokmeter.capture.ebpf.sockets import close_connections, local_end

CLIENT = """
import socket, sys
sockets = [socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
for one in sockets:
    one.settimeout(1)
    try:
        print(len(one.recv(1)), flush=True)
    except TimeoutError:
        print("open", flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: takes a socket of another process")
def test_only_connections_to_given_destinations_are_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [one.getsockname()[1], other.getsockname()[1]]
        command = [sys.executable, "-c", CLIENT, *map(str, ports)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            client.stdout.readline()
            wanted: set[Destination] = {destination("127.0.0.1", ports[0])}
            closed = close_connections(Path(f"/proc/{client.pid}"), wanted.__contains__)
            assert (closed, client.stdout.read().split()) == (1, ["0", "open"])


def test_a_process_that_is_gone_has_no_connections() -> None:
    assert close_connections(Path("/proc/0"), lambda _: True) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: takes a socket of another process")
def test_where_a_connection_is_is_told_while_it_lasts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert local_end(os.getpid(), client.fileno()) == destination(*client.getsockname())
        assert local_end(os.getpid(), 2**20) is None
    left, right = socket.socketpair()
    with left, right:
        assert local_end(os.getpid(), left.fileno()) is None
