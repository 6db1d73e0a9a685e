"""Proxies of tokmeter on this machine: what goes through them is metered there.

A proxy is known by its command line, and whose connections it takes by the kernel's tables of sockets: the other end of a
connection that was made to it, or redirected to it, is a socket at a port where it listens. Where addresses are translated between
the two networks, that is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.addresses import Destination, mapped
from tokmeter.capture.ebpf.images import is_process

COMMANDS: Final = (b"proxy", b"run")
TABLES: Final = ("tcp", "tcp6")
LISTENS: Final = b"0A"
"""The state of a socket that listens, as the tables write it."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A row of the kernel's table."""

    port: int
    remote: Destination
    listens: bool
    inode: int


class Proxies:
    """Looks for them now and then, and only when it is asked. Not for several threads."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        """Look at processes through the given proc file system."""
        self._proc = proc
        self._found: list[int] = []
        self._due = 0.0

    def includes(self, pid: int) -> bool:
        """Whether a process is one of them."""
        return is_proxy(_read(self._proc / str(pid) / "cmdline", limits.COMMAND_BYTES))

    def takes(self, pid: int, local: Destination | None, port: int) -> bool:
        """Whether one of them has the other end of a connection of a process to a port; `local` is this end.

        Where the other end is gone already, whether one of them in the same network listens at that port, or has what goes to
        others redirected to it.
        """
        return any(self._serves(proxy, pid, local, port) for proxy in self._all())

    def _all(self) -> list[int]:
        if monotonic() >= self._due:
            self._due = monotonic() + limits.PROXIES_FRESH_S
            ids = (int(folder.name) for folder in self._proc.iterdir() if folder.name.isdigit())
            self._found = [pid for pid in ids if self.includes(pid) and is_process(pid, self._proc)]
        return self._found

    def _serves(self, proxy: int, pid: int, local: Destination | None, port: int) -> bool:
        folder = self._proc / str(proxy)
        found = [socket for table in TABLES for socket in sockets(_read(folder / "net" / table, limits.SOCKETS_BYTES))]
        # By the port where it listens: a socket that it has not accepted yet, or has closed, has no number.
        if ports := {socket.port for socket in found if socket.remote == local}:
            return _listens(folder, found, ports)
        network = _network(folder)
        if network is None or network != _network(self._proc / str(pid)):
            return False
        return b"transparent" in _read(folder / "cmdline", limits.COMMAND_BYTES) or _listens(folder, found, {port})


def is_proxy(command: bytes) -> bool:
    """Whether a command line is that of a proxy: ``tokmeter proxy`` and ``tokmeter run``, by whatever interpreter."""
    words = command.split(b"\0")
    for at, word in enumerate(words):
        if word.rpartition(b"/")[2] == b"tokmeter":
            following = (word for word in words[at + 1 :] if not word.startswith(b"-"))
            return next(following, b"") in COMMANDS
    return False


def sockets(table: bytes) -> Iterator[Socket]:
    """Those of ``/proc/PID/net/tcp`` or ``tcp6``."""
    for line in table.splitlines()[1:]:
        fields = line.split(maxsplit=10)
        if len(fields) < 10:
            continue
        address, _, port = fields[2].partition(b":")
        try:
            # Words of four bytes, each in the order of the machine.
            packed = bytes.fromhex(address.decode())
            words = (packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
            remote = mapped(b"".join(words)), int(port, 16)
            own = int(fields[1].rpartition(b":")[2], 16)
            yield Socket(own, remote, listens=fields[3] == LISTENS, inode=int(fields[9]))
        except ValueError:
            continue


def _listens(folder: Path, found: list[Socket], ports: set[int]) -> bool:
    listening = {socket.inode for socket in found if socket.listens and socket.port in ports}
    return bool(listening) and any(inode in listening for inode in _owned(folder))


def _owned(folder: Path) -> Iterator[int]:
    try:
        entries = list((folder / "fd").iterdir())
    except OSError:
        return
    for entry in entries[: limits.DESCRIPTORS_MAX]:
        try:
            name = entry.readlink().name
        except OSError:
            continue
        number = name.removeprefix("socket:[").removesuffix("]")
        if number != name and number.isdigit():
            yield int(number)


def _network(folder: Path) -> str | None:
    try:
        return str((folder / "ns" / "net").readlink())
    except OSError:
        return None


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return b""
