"""Sockets of another process: tells where they are, closes its connections to given destinations.

A copy of the socket is fetched from the process and shut down, which works in whatever network namespace it is. Needs Linux 5.6
and the right to trace the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.addresses import Destination, destination

PIDFD_GETFD = 438
"""The number of the system call, the same on every architecture."""


def close_connections(process: Path, wanted: Callable[[Destination], bool]) -> int:
    """Shuts down the connections of a process, by its folder of ``/proc``, whose peer is `wanted`; how many there were.

    Never raises: a process may end, or close a socket, at any moment.
    """
    numbers = _sockets(process)
    if not numbers:
        return 0
    try:
        handle = os.pidfd_open(int(process.name))
    except OSError:
        return 0
    try:
        return sum(_shut(handle, number, wanted) for number in numbers)
    finally:
        os.close(handle)


def _sockets(process: Path) -> list[int]:
    numbers = []
    with contextlib.suppress(OSError), os.scandir(process / "fd") as entries:
        for entry, _ in zip(entries, range(limits.DESCRIPTORS_MAX), strict=False):
            with contextlib.suppress(OSError):
                if Path(entry.path).readlink().name.startswith("socket:"):
                    numbers.append(int(entry.name))
    return numbers


def local_end(pid: int, number: int) -> Destination | None:
    """This end of a connection of a process, by its descriptor; None when it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        copy = _copied(handle, number)
    finally:
        os.close(handle)
    if copy is None:
        return None
    with copy, contextlib.suppress(OSError, ValueError):
        return destination(*copy.getsockname()[:2])
    return None


def _shut(handle: int, number: int, wanted: Callable[[Destination], bool]) -> bool:
    copy = _copied(handle, number)
    if copy is None:
        return False
    with copy, contextlib.suppress(OSError, ValueError):
        # The peer of the copy decides: the number may be another socket's by now.
        if wanted(destination(*copy.getpeername()[:2])):
            copy.shutdown(socket.SHUT_RDWR)
            return True
    return False


def _copied(handle: int, number: int) -> socket.socket | None:
    """A copy of a process's socket; None where the number is none of the internet's."""
    copied = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, handle, number, 0)
    if copied < 0:
        return None
    try:
        copy = socket.socket(fileno=copied)
    except OSError:
        os.close(copied)
        return None
    if copy.family in {socket.AF_INET, socket.AF_INET6}:
        return copy
    copy.close()
    return None
