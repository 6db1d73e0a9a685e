"""The loader that compiles the programs on this machine, with the distribution's BCC.

It needs no object made elsewhere, a compiler at run time instead, and hands each record to Python on its way to the core. The
package of the name ``bcc`` on the Python index is something else and never used.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tokmeter import _core
from tokmeter.capture.ebpf import bcc_source
from tokmeter.capture.ebpf.faults import TracerError
from tokmeter.capture.ebpf.loader import Who
from tokmeter.capture.ebpf.settings import TracerSettings

DISTRIBUTION_PACKAGES: Final = Path("/usr/lib/python3/dist-packages")
HINT: Final = "apt-get install python3-bpfcc (never the package bcc of the Python index), or use --loader core"
ON_RETURN: Final = frozenset({"tls_sent", "tls_received"})
COUNTERS: Final = ("records", "lost", "ignored", "unnamed", "overlong", "refused")
SUFFIX, WHOLE = 2, 1
STAGE_IGNORED, STAGE_GREETED, STAGE_COVERED = 2, 3, 4
CGROUP_SOCK_ADDR: Final = 18
"""The kind of program, as the kernel numbers it; BCC has no name for it."""
HOOKS: Final = {"stop_connect4": 10, "stop_connect6": 11}
"""What each is attached as: BPF_CGROUP_INET4_CONNECT and its like for IPv6."""
SYS_BPF, BPF_LINK_CREATE = 321, 28


class BccLoader:
    """See `Loader`."""

    def __init__(
        self, settings: TracerSettings, meter: _core.Meter, who: Who, *, child_offset: int, clock_offset: int
    ) -> None:
        """Compile and load. Raises `TracerError`."""
        self._bcc = _module()
        self._programs = _compiled(self._bcc, settings.ring_bytes)
        self._tracing = _core.Tracing(meter, who, clock_offset=clock_offset)
        self._dropped: list[tuple[int, int, bool]] = []
        self._taken = 0
        self._next = 1
        self._descriptors: dict[int, int] = {}
        self._links: set[int] = set()
        """Of these, those that are the kernel's own links."""
        everybody = int(settings.selection.everybody)
        self._set("settings", 0, everybody, os.getpid(), everybody, child_offset, 0, 0)
        names = self._programs["names"]
        for hashed, suffix in _core.traced_names(meter):
            names[names.Key(hashed)] = names.Leaf(SUFFIX if suffix else WHOLE)
        self._programs["events"].open_ring_buffer(self._record)

    def prepare(self, program: str) -> None:
        """See `Loader`."""
        self._loaded(program, self._bcc.BPF.KPROBE)

    def attach_function(self, program: str, file: Path, offset: int, process: int | None) -> int:
        """See `Loader`."""
        function = self._loaded(program, self._bcc.BPF.KPROBE)
        kind = 1 if program in ON_RETURN else 0
        pid = -1 if process is None else process
        event = f"tokmeter_{program}_{offset:x}_{pid}".encode()
        return self._keep(
            _attach_uprobe(self._bcc.lib)(function.fd, kind, event, os.fsencode(file), offset, pid, 0),
            f"{program} to {file}",
        )

    def attach_event(self, program: str, category: str, event: str) -> int:
        """See `Loader`."""
        function = self._loaded(program, self._bcc.BPF.TRACEPOINT)
        return self._keep(
            self._bcc.lib.bpf_attach_tracepoint(function.fd, category.encode(), event.encode()),
            f"{program} to {category}:{event}",
        )

    def attach_group(self, program: str, group: Path) -> int:
        """See `Loader`."""
        hook = HOOKS[program]
        function = self._loaded(program, CGROUP_SOCK_ADDR, hook)
        folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # A link, which BCC cannot make: what BCC attaches stays when this process is killed.
            request = (ctypes.c_uint32 * 16)(function.fd, folder, hook)
            libc = ctypes.CDLL(None, use_errno=True)
            link = libc.syscall(SYS_BPF, BPF_LINK_CREATE, request, ctypes.sizeof(request))
            number = self._keep(link, f"{program} to {group}")
        finally:
            os.close(folder)
        self._links.add(number)
        return number

    def stop(self, process: int) -> None:
        """See `Loader`."""
        self._enter("stopped", process)

    def resume(self, process: int) -> None:
        """See `Loader`."""
        self._remove("stopped", process)

    def stopped(self) -> list[int]:
        """See `Loader`."""
        return [int(key.value) for key in self._programs["stopped"]]

    def refuse(self, destination: tuple[int, int, int]) -> None:
        """See `Loader`."""
        self._enter("destinations", *destination)

    def detach(self, attachment: int) -> None:
        """See `Loader`."""
        descriptor = self._descriptors.pop(attachment, None)
        if descriptor is None:
            return
        if attachment in self._links:
            self._links.discard(attachment)
            os.close(descriptor)
        else:
            self._bcc.lib.bpf_close_perf_event_fd(descriptor)

    def allow(self, process: int) -> None:
        """See `Loader`."""
        self._enter("allowed", process)
        self._tracing.meet(process)

    def disallow(self, process: int) -> None:
        """See `Loader`."""
        self._remove("allowed", process)

    def poll(self) -> int:
        """See `Loader`."""
        self._taken = 0
        self._programs.ring_buffer_consume()
        connections = self._programs["connections"]
        for process, handle, tls in self._dropped:
            key = connections.Key(handle, process, 0 if tls else 1)
            connections[key] = connections.Leaf(0, 0, 0, STAGE_IGNORED, 0, 0)
        self._dropped.clear()
        return self._taken

    def finished(self) -> list[_core.LedgerEntry]:
        """See `Loader`."""
        return self._tracing.finished()

    def arrivals(self) -> tuple[list[int], list[int]]:
        """See `Loader`."""
        return self._tracing.arrivals()

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        """See `Loader`."""
        return self._tracing.greetings()

    def traffic(self, process: int, descriptor: int) -> tuple[int, int, bool] | None:
        """See `Loader`."""
        connections = self._programs["connections"]
        try:
            found = connections[connections.Key(descriptor, process, 1)]
        except KeyError:
            return None
        if found.stage not in {STAGE_GREETED, STAGE_COVERED}:
            return None
        return found.sent, found.received, found.stage == STAGE_COVERED

    def sweep(self, now: int) -> None:
        """See `Loader`."""
        self._tracing.sweep(now)

    def open(self) -> int:
        """See `Loader`."""
        return self._tracing.open()

    def counters(self) -> list[tuple[str, int]]:
        """See `Loader`."""
        counters = self._programs["counters"]
        return [(name, int(counters.sum(index).value)) for index, name in enumerate(COUNTERS)]

    def close(self, now: int) -> list[_core.LedgerEntry]:
        """See `Loader`."""
        for attachment in list(self._descriptors):
            self.detach(attachment)
        self._programs.cleanup()
        self._tracing.close(now)
        return self._tracing.finished()

    def _record(self, _context: object, data: int, size: int) -> None:
        """One record, on the way to the core. Called by BCC, which swallows what is raised here."""
        self._taken += 1
        dropped = self._tracing.take(ctypes.string_at(data, size))
        if dropped is not None:
            self._dropped.append(dropped)

    def _set(self, name: str, index: int, *values: int) -> None:
        table = self._programs[name]
        table[table.Key(index)] = table.Leaf(*values)

    def _enter(self, name: str, *key: int) -> None:
        table = self._programs[name]
        try:
            table[table.Key(*key)] = table.Leaf(1)
        except Exception as error:  # BCC raises nothing narrower
            raise OSError(str(error)) from error

    def _remove(self, name: str, key: int) -> None:
        table = self._programs[name]
        with contextlib.suppress(KeyError):
            del table[table.Key(key)]

    def _loaded(self, program: str, kind: int, hook: int = -1) -> Any:
        try:
            return self._programs.load_func(program, kind, None, hook)
        except Exception as error:  # BCC raises nothing narrower
            raise OSError(f"loading {program}: {error}") from error

    def _keep(self, descriptor: int, doing: str) -> int:
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"attaching {doing}: {os.strerror(number)}")
        attachment = self._next
        self._next += 1
        self._descriptors[attachment] = descriptor
        return attachment


def _attach_uprobe(library: Any) -> Any:
    """The function of BCC's library with all of its arguments.

    BCC's own Python leaves out the last, the offset of a counter. What happens to be in its place makes the kernel refuse
    every other tracer the same function of the same file.
    """
    attach = library["bpf_attach_uprobe"]
    integer, text = ctypes.c_int, ctypes.c_char_p
    attach.argtypes = [integer, integer, text, text, ctypes.c_uint64, integer, ctypes.c_uint32]
    attach.restype = integer
    return attach


def _module() -> Any:
    """The distribution's module. Raises `TracerError`."""
    added = str(DISTRIBUTION_PACKAGES)
    sys.path.append(added)
    try:
        module = importlib.import_module("bcc")
    except (ImportError, OSError, AttributeError) as error:
        raise TracerError(f"BCC is not there: {error}", hint=HINT) from error
    finally:
        # Nothing else of the distribution's is wanted: it is made for another Python.
        sys.path.remove(added)
    if not hasattr(module, "BPF"):
        raise TracerError(
            "the module bcc that is installed is not the BPF Compiler Collection",
            where=str(getattr(module, "__file__", None)),
            hint=HINT,
        )
    return module


def _compiled(bcc: Any, ring_bytes: int) -> Any:
    """The programs, compiled against headers that come with this version. Raises `TracerError`."""
    before = os.environ.get("BCC_KERNEL_SOURCE")
    with tempfile.TemporaryDirectory(prefix="tokmeter-bcc-") as folder:
        bcc_source.headers(Path(folder))
        os.environ["BCC_KERNEL_SOURCE"] = folder
        try:
            return bcc.BPF(text=bcc_source.text(ring_bytes).encode(), cflags=["-w", "-DTOKMETER_BCC"])
        except Exception as error:  # BCC raises nothing narrower, and prints the compiler's words itself
            raise TracerError(
                f"BCC does not compile the tracer's programs: {error}", hint="use --loader core"
            ) from error
        finally:
            if before is None:
                del os.environ["BCC_KERNEL_SOURCE"]
            else:
                os.environ["BCC_KERNEL_SOURCE"] = before
