"""Probes with a program that does nothing, on functions of one process: what the kernel takes for itself.

Owns the system calls for that, because no loader of ours attaches a program that is not the tracer's.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

FUNCTIONS = ("SSL_write", "SSL_read")
SYS_BPF, SYS_PERF_EVENT_OPEN = 321, 298
PROG_LOAD, KPROBE = 5, 2
SET_PROGRAM, ENABLE = 0x40042408, 0x2400
CLOSE_ON_EXEC = 8
ATTRIBUTES_SIZE = 112
NOTHING = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
"""r0 = 0; exit."""

_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def empty_probes(pid: int, *, on_return: bool) -> Iterator[None]:
    """Attached to the entry, and to the return if asked, of what the traffic calls."""
    with ExitStack() as stack:
        program = _load()
        stack.callback(os.close, program)
        file = library(pid)
        for offset in _offsets(file):
            for returning in (False, True) if on_return else (False,):
                stack.callback(os.close, _attach(program, file, offset, pid, returning=returning))
        yield


def library(pid: int) -> Path:
    """The TLS library that a process has mapped."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if "libssl" in line and "x" in line.split()[1]:
            return Path(line.split()[-1])
    raise ValueError(f"{pid} has no TLS library")


def _offsets(file: Path) -> Iterator[int]:
    """Where the functions begin in a library, as it lies in this process."""
    mapped = ctypes.CDLL(os.fspath(file))
    for name in FUNCTIONS:
        address = ctypes.cast(getattr(mapped, name), ctypes.c_void_p).value or 0
        for line in Path("/proc/self/maps").read_text().splitlines():
            fields = line.split()
            begin, end = (int(each, 16) for each in fields[0].split("-"))
            if begin <= address < end:
                yield address - begin + int(fields[2], 16)


def can_load() -> str | None:
    """Why no program can be loaded; None if one can."""
    if platform.machine() != "x86_64":
        return "needs x86-64"
    if os.geteuid() != 0:
        return "needs root: loads programs into the kernel"
    if not Path("/sys/bus/event_source/devices/uprobe/type").exists():
        return "needs a kernel with uprobes"
    try:
        os.close(_load())
    except OSError as error:
        return f"the kernel does not take a BPF program: {error.strerror}"
    return None


def _load() -> int:
    code = ctypes.create_string_buffer(NOTHING, len(NOTHING))
    license_ = ctypes.create_string_buffer(b"GPL")
    fields = struct.pack("<IIQQIIQI", KPROBE, 2, ctypes.addressof(code), ctypes.addressof(license_), 0, 0, 0, 0)
    attributes = ctypes.create_string_buffer(fields, 128)
    return _number(_LIBC.syscall(SYS_BPF, PROG_LOAD, attributes, 128))


def _attach(program: int, file: Path, offset: int, pid: int, *, returning: bool) -> int:
    kind = int(Path("/sys/bus/event_source/devices/uprobe/type").read_text())
    path = ctypes.create_string_buffer(os.fsencode(file))
    attributes = bytearray(ATTRIBUTES_SIZE)
    struct.pack_into("<IIQ", attributes, 0, kind, ATTRIBUTES_SIZE, int(returning))
    struct.pack_into("<QQ", attributes, 56, ctypes.addressof(path), offset)
    raw = ctypes.create_string_buffer(bytes(attributes), ATTRIBUTES_SIZE)
    event = _number(_LIBC.syscall(SYS_PERF_EVENT_OPEN, raw, pid, -1, -1, ctypes.c_ulong(CLOSE_ON_EXEC)))
    try:
        _number(_LIBC.ioctl(event, ctypes.c_ulong(SET_PROGRAM), program))
        _number(_LIBC.ioctl(event, ctypes.c_ulong(ENABLE), 0))
    except OSError:
        os.close(event)
        raise
    return event


def _number(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
