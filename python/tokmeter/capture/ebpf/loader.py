"""The two ways to bring the programs into the kernel, and which of them is taken."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Protocol

from tokmeter import _core
from tokmeter.capture.ebpf import kernel
from tokmeter.capture.ebpf.faults import PRIVILEGES, TracerError
from tokmeter.capture.ebpf.settings import TracerSettings
from tokmeter.clock import monotonic_offset_ns

type Who = Callable[[int], _core.Attribution]


class Loader(Protocol):
    """The programs in the kernel, and the exchanges that come of what they see.

    One thread prepares, attaches and detaches, another one does everything else; neither waits for the other.
    """

    def prepare(self, program: str) -> None:
        """Have the kernel verify a program now rather than when it is first attached. Raises `OSError`."""

    def attach_function(self, program: str, file: Path, offset: int, process: int | None) -> int:
        """Run a program at an offset of a file, for one process or all. The number detaches it. Raises `OSError`."""

    def attach_event(self, program: str, category: str, event: str) -> int:
        """Run a program at a tracepoint. Raises `OSError`."""

    def attach_group(self, program: str, group: Path) -> int:
        """Run a program for connections of a control group and of those below. Raises `OSError`."""

    def stop(self, process: int) -> None:
        """Refuse a process and its coming children new connections to what `refuse` was told. Raises `OSError`."""

    def resume(self, process: int) -> None:
        """Take that back."""

    def stopped(self) -> list[int]:
        """Processes and threads that are stopped."""

    def refuse(self, destination: tuple[int, int, int]) -> None:
        """Add an address and port, as `addresses.key` gives it. Raises `OSError` when the table is full."""

    def detach(self, attachment: int) -> None:
        """Take that back; nothing if it is gone already."""

    def allow(self, process: int) -> None:
        """Let the programs look at a process. Raises `OSError` when the table is full."""

    def disallow(self, process: int) -> None:
        """Take that back."""

    def poll(self) -> int:
        """Read what is there; how many records that was."""

    def finished(self) -> list[_core.LedgerEntry]:
        """Exchanges that have ended since the last call."""

    def arrivals(self) -> tuple[list[int], list[int]]:
        """Processes that came (or run another program now) and went since the last call. Threads are among the first."""

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        """What began and ended of TLS with LLMs on descriptors since the last call, in order.

        Process, descriptor, and where it begins the name that was asked for and the port, which is 0 where it is not known; where
        it ends, None instead, and the bytes sent and received since the greeting, and whether plaintext was seen.
        """

    def traffic(self, process: int, descriptor: int) -> tuple[int, int, bool] | None:
        """The latter of a connection that goes on. None when it is gone."""

    def sweep(self, now: int) -> None:
        """End connections that were silent for too long."""

    def open(self) -> int:
        """Connections that are followed."""

    def counters(self) -> list[tuple[str, int]]:
        """What the programs have counted: records, lost, ignored, unnamed, overlong, refused."""

    def close(self, now: int) -> list[_core.LedgerEntry]:
        """Detach everything; what was still open, ended."""


def load(settings: TracerSettings, meter: _core.Meter, who: Who) -> Loader:
    """The programs, loaded and not attached anywhere. Raises `TracerError` with what is missing."""
    kernel.check_platform()
    kernel.raise_descriptors()
    events = kernel.tracepoints()
    offset = kernel.child_offset(events)
    match settings.loader:
        case "core":
            return _core_loader(settings, meter, who, offset)
        case "bcc":
            return _bcc_loader(settings, meter, who, offset)
        case _:
            try:
                return _core_loader(settings, meter, who, offset)
            except TracerError as first:
                try:
                    return _bcc_loader(settings, meter, who, offset)
                except TracerError as second:
                    raise first from second


def _core_loader(settings: TracerSettings, meter: _core.Meter, who: Who, offset: int) -> Loader:
    object_file = resources.files("tokmeter.capture.ebpf").joinpath("programs/tracer.x86_64.o")
    try:
        return _core.Tracer(
            meter,
            who,
            object=object_file.read_bytes(),
            everybody=settings.selection.everybody,
            strict=settings.selection.everybody,
            child_offset=offset,
            namespace=kernel.process_namespace(),
            ring_bytes=settings.ring_bytes,
            clock_offset=monotonic_offset_ns(),
        )
    except OSError as error:
        raise TracerError(
            f"the kernel does not take the tracer's programs: {str(error).splitlines()[0]}",
            hint=f"they need Linux 5.8 or newer with BTF; {PRIVILEGES}",
        ) from error


def _bcc_loader(settings: TracerSettings, meter: _core.Meter, who: Who, offset: int) -> Loader:
    if kernel.process_namespace() != 0:
        raise TracerError(
            "this is a process namespace of its own, whose ids BCC's programs do not know",
            hint="use --loader core, or run it with the machine's process namespace",
        )
    from tokmeter.capture.ebpf.bcc import BccLoader  # noqa: PLC0415 - the distribution's BCC is looked for only when asked

    return BccLoader(settings, meter, who, child_offset=offset, clock_offset=monotonic_offset_ns())
