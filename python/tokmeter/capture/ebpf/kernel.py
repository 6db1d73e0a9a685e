"""What of this kernel the tracer needs, tried rather than guessed from a version.

Owns the messages for what is missing. Refuses to know the programs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import resource
import sys
from pathlib import Path

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.faults import TracerError

TRACEFS = Path("/sys/kernel/tracing")
TRACEFS_OLD = Path("/sys/kernel/debug/tracing")
CHILD_PID = re.compile(r"field:pid_t child_pid;\s*offset:(\d+);")
OWN_NAMESPACE = Path("/proc/self/ns/pid")
MACHINES_NAMESPACE = 0xEFFFFFFC
"""The number of the first process namespace, the same in every kernel."""
MACHINES = ("x86_64",)
"""Architectures that the programs are compiled for."""


def check_platform() -> None:
    """Raises `TracerError` where no tracer can work."""
    if sys.platform != "linux":
        raise TracerError("the tracer needs Linux", hint="use `tokmeter run` or `tokmeter proxy` here")
    if platform.machine() not in MACHINES:
        raise TracerError(
            f"the tracer's programs are not made for {platform.machine()}", hint=f"they are for {', '.join(MACHINES)}"
        )
    if os.geteuid() != 0:
        raise TracerError("the tracer needs root", hint="run it with sudo")
    restrict = _read(Path("/sys/kernel/security/lockdown"))
    if "[confidentiality]" in restrict:
        raise TracerError(
            "the kernel is locked down for confidentiality and reads no memory of processes for programs",
            where="/sys/kernel/security/lockdown",
            hint="boot without lockdown=confidentiality, or use the proxy",
        )


def tracepoints() -> Path:
    """The folder of tracepoints, mounted for this process alone where the machine has not mounted it.

    Raises `TracerError` when it is not there and cannot be mounted.
    """
    for mount in (TRACEFS, TRACEFS_OLD):
        if (mount / "events").is_dir():
            return mount / "events"
    _mount_privately()
    return TRACEFS / "events"


def child_offset(events: Path) -> int:
    """Where the id of the child is in the event of a fork: it has moved between kernels. Raises `TracerError`."""
    where = events / "sched/sched_process_fork/format"
    found = CHILD_PID.search(_read(where))
    if found is None:
        raise TracerError("the kernel does not say how it tells of new processes", where=str(where))
    return int(found.group(1))


def process_namespace() -> int:
    """The number of the process namespace's file that this process is in; 0 when that is the machine's own."""
    try:
        number = OWN_NAMESPACE.stat().st_ino
    except OSError:
        return 0
    return 0 if number == MACHINES_NAMESPACE else number


def raise_descriptors() -> None:
    """Lets this process have as many descriptors as it may: each instruction that is attached to is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, limits.DESCRIPTORS_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _mount_privately() -> None:
    """A mount in a namespace of our own: the machine's is left as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    ms_rec, ms_private = 1 << 14, 1 << 18
    try:
        os.unshare(os.CLONE_NEWNS)
        for arguments in (
            (b"none", b"/", None, ms_rec | ms_private, None),
            (b"tracefs", os.fsencode(TRACEFS), b"tracefs", 0, None),
        ):
            if libc.mount(*arguments) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
    except OSError as error:
        raise TracerError(
            f"the kernel's tracepoints are not there: {(error.strerror or str(error)).lower()}",
            where=str(TRACEFS),
            hint="mount -t tracefs nodev /sys/kernel/tracing; in a container mount the host's into it",
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
