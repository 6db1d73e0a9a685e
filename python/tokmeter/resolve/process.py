"""What one process is: name, parent, start, uid, service. Pure functions of the texts of its folder in /proc.

Arguments and environments hold secrets. Of the command line only the program's name is taken, and only where the kernel's
own name of it is no good; of the environment only the two variables that name the service.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokmeter.attribution import clean

COMM_BYTES = 15
"""Bytes that the kernel keeps of a program's name."""

SERVICE_VARIABLES = (b"TOKMETER_SERVICE", b"OTEL_SERVICE_NAME")
"""What names the service of a process, best first: the order of `tokmeter.attribution`."""

_MAIN_THREADS = {b"MainThread", b"node-MainThread"}
"""What runtimes rename their first thread to, and with it the process."""


@dataclass(frozen=True, slots=True)
class Stat:
    """Of ``/proc/PID/stat``.

    `start_time`, in ticks since boot, makes a process id unique. `image` changes when the process executes another
    program: addresses that the kernel draws at random, zeros for readers it does not trust.
    """

    comm: bytes
    parent: int
    start_time: int
    image: tuple[int, int]


def stat(data: bytes | None) -> Stat | None:
    """The fields of a stat line; None for anything else. The name in it may hold spaces and parentheses."""
    head, opened, rest = (data or b"").partition(b"(")
    comm, closed, tail = rest.rpartition(b")")
    fields = tail.split()
    # `fields` begins with the third one of proc(5), the state.
    if not (opened and closed and head.strip().isdigit()) or len(fields) < 20:
        return None
    try:
        image = (int(fields[25]), int(fields[47])) if len(fields) > 47 else (0, 0)
        return Stat(comm=comm, parent=int(fields[1]), start_time=int(fields[19]), image=image)
    except ValueError:
        return None


def program(comm: bytes, cmdline: bytes) -> str | None:
    """The program's name: `comm`, or the first word of the command line where `comm` was cut or is a thread's.

    Programs that write a title over their command line put arguments into that first word, so it ends at white space.
    """
    first = cmdline.partition(b"\0")[0].split()
    called = first[0].rpartition(b"/")[2].lstrip(b"-").rstrip(b":") if first else b""
    cut = len(comm) >= COMM_BYTES and called.startswith(comm)
    if called and (cut or comm in _MAIN_THREADS):
        return clean(called.decode(errors="replace"))
    return clean(comm.decode(errors="replace"))


def uid(status: bytes) -> int | None:
    """The real user id in the ``Uid:`` line of ``/proc/PID/status``, as the reader's user namespace numbers it."""
    for line in status.split(b"\n"):
        label, _, ids = line.partition(b":")
        first = ids.split()[:1]
        if label == b"Uid" and first and first[0].isdigit() and len(first[0]) <= 10:
            return int(first[0])
    return None


def service(environ: bytes) -> str | None:
    """What the environment of a process calls its service. What follows the last NUL was cut off and is not looked at."""
    named: dict[bytes, bytes] = {}
    for variable in environ.rpartition(b"\0")[0].split(b"\0"):
        key, equals, value = variable.partition(b"=")
        if equals and key in SERVICE_VARIABLES:
            # The first of two: what getenv finds.
            named.setdefault(key, value)
    found = (clean(named[key].decode(errors="replace")) for key in SERVICE_VARIABLES if key in named)
    return next(filter(None, found), None)
