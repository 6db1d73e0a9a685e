"""Which processes are proxies, and whose connections they take."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tokmeter.capture.ebpf.addresses import destination
from tokmeter.capture.ebpf.proxies import Proxies, Socket, is_proxy, sockets

LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""
TABLE = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n"
    b"   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1\n"
    b"   2: cut off\n"
    b"   3: 0100007F:1F90 01zz007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1\n"
)


@contextmanager
def listening(*words: str) -> Iterator[tuple[int, int]]:
    """A process that listens, with its port and `words` in its command line."""
    command = [sys.executable, "-c", LISTENER, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (b"/usr/bin/python3\0-O\0-m\0tokmeter\0proxy\0--json\0", True),
        (b"/usr/local/bin/python\0/usr/local/bin/tokmeter\0run\0--\0app\0", True),
        (b"/opt/tokmeter\0proxy\0", True),
        (b"tokmeter\0watch\0--all\0", False),
        (b"vi\0/etc/tokmeter\0", False),
        (b"grep\0proxy\0", False),
        (b"", False),
    ],
)
def test_a_proxy_is_known_by_its_command_line(command: bytes, *, expected: bool) -> None:
    assert is_proxy(command) is expected


def test_sockets_are_read_from_the_kernel_s_table() -> None:
    nobody, client = destination("0.0.0.0", 0), destination("127.0.0.1", 50_000)
    assert list(sockets(TABLE)) == [
        Socket(8080, nobody, listens=True, inode=4711),
        Socket(8080, client, listens=False, inode=0),
    ]


def test_a_table_of_the_other_family_is_read() -> None:
    row = b"0: " + b"00000000000000000000000001000000:01BB " * 2 + b"01 0:0 0:0 0 0 0 77 1\n"
    assert [found.remote for found in sockets(b"head\n" + row)] == [destination("::1", 443)]


def test_what_was_connected_to_a_proxy_is_taken_before_it_is_accepted() -> None:
    with (
        listening("tokmeter", "proxy") as (proxy, port),
        listening("some", "server") as (_, elsewhere),
        socket.create_connection(("127.0.0.1", port)) as through,
        socket.create_connection(("127.0.0.1", elsewhere)) as around,
    ):
        proxies = Proxies()
        assert proxies.includes(proxy)
        own = proxy - 1  # any: only its network is looked at, and only where an end is not known
        assert proxies.takes(own, destination(*through.getsockname()), port)
        assert not proxies.takes(own, destination(*around.getsockname()), elsewhere)


def test_where_an_end_is_not_known_the_port_decides() -> None:
    me = int(Path("/proc/self").readlink().name)
    with listening("tokmeter", "proxy") as (_, port):
        assert Proxies().takes(me, None, port)
        assert not Proxies().takes(me, None, 443)
        assert not Proxies().takes(0, None, port)
    with listening("tokmeter", "proxy", "--mode", "transparent"):
        assert Proxies().takes(me, None, 443)
