"""The tracer as a capture source: follows the selected processes and hands over what they exchanged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from tokmeter import _core
from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.attachments import Attachments
from tokmeter.capture.ebpf.audit import CoverageAudit
from tokmeter.capture.ebpf.faults import PRIVILEGES, TracerError
from tokmeter.capture.ebpf.images import Images, is_process
from tokmeter.capture.ebpf.loader import Loader, Who, load
from tokmeter.capture.ebpf.probes import PLAIN_EVENTS, PROCESS_EVENTS
from tokmeter.capture.ebpf.settings import TracerSettings
from tokmeter.capture.ebpf.stop import KernelStop
from tokmeter.errors import TokmeterError

type Sink = Callable[[_core.LedgerEntry], None]

LOSSES = ("lost", "overlong", "unnamed", "unattached")
"""Counters of what should have been seen and was not."""


class TracerCapture:
    """Runs on a thread of its own. `start` once, `stop` once."""

    def __init__(
        self,
        meter: _core.Meter,
        who: Who,
        settings: TracerSettings,
        sink: Sink,
        now_ns: Callable[[], int],
        stop: KernelStop | None = None,
        audit: CoverageAudit | None = None,
    ) -> None:
        """Give every finished exchange to `sink`, on the tracer's thread. `who` tells of a process by its id, there too.

        With `stop`, the processes that are traced are stopped when their budgets are exhausted; with `audit`, what of their
        traffic cannot be read is listed.
        """
        self._meter = meter
        self._who = who
        self._settings = settings
        self._sink = sink
        self._now_ns = now_ns
        self._stop = stop
        self._audit = audit
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracer", daemon=True)
        self._processes: set[int] = set()
        self._due: list[tuple[float, int]] = []
        self._turns: list[int] = []
        self._failure: TokmeterError | None = None
        self._counters: dict[str, int] = {}

    def start(self) -> None:
        """Load and attach; returns when the selected processes are covered. Raises `TokmeterError`."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Detach, and hand over what was still open."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def counters(self) -> dict[str, int]:
        """What was counted, about a second ago, by name.

        The kernel's counters, ``open`` connections, traced ``processes``, ``files`` that are attached to, and functions that
        could not be (``unattached``).
        """
        return self._counters

    def series(self) -> dict[str, list[tuple[tuple[str, ...], int]]]:
        """Its series for the metrics, by their source names in the catalog."""
        counters = self._counters
        series: dict[str, list[tuple[tuple[str, ...], int]]] = {
            "capture_dropped": [((reason,), counters.get(reason, 0)) for reason in LOSSES]
        }
        if self._audit is not None:
            series.update(self._audit.series())
        if self._stop is not None:
            state = self._stop.state
            series["stopped_processes"] = [((), state.processes)]
            series["refused_connections"] = [((), counters.get("refused", 0))]
            series["closed_connections"] = [((), state.closed)]
        return series

    @property
    def failure(self) -> TokmeterError | None:
        """Why it does not trace any more, or never did."""
        return self._failure

    def _run(self) -> None:
        # On the thread that attaches: a private mount is seen by it alone.
        try:
            loader = load(self._settings, self._meter, self._who)
        except TokmeterError as failure:
            self._failure = failure
            self._ready.set()
            return
        try:
            self._follow(loader)
        except TokmeterError as failure:
            self._failure = failure
        finally:
            if self._stop is not None:
                self._stop.close()
            if self._audit is not None:
                self._audit.close(loader)
            for entry in loader.close(self._now_ns()):
                self._sink(entry)
            self._ready.set()

    def _follow(self, loader: Loader) -> None:
        attachments = Attachments(loader, Images(), shared=self._settings.selection.shared)
        self._attach_events(loader)
        if self._stop is not None:
            self._stop.attach(loader)
        for pid in self._settings.selection.processes():
            self._admit(loader, attachments, pid)
        if self._stop is not None:
            self._stop.turn(loader, self._processes)
        self._count(loader, attachments)
        self._ready.set()
        scanned = monotonic()
        while not self._stopping.is_set():
            taken = loader.poll()
            finished = loader.finished()
            for entry in finished:
                self._sink(entry)
            if finished and self._stop is not None:
                self._stop.turn_if_changed(loader, self._processes)
            self._meet(loader, attachments)
            if monotonic() - scanned >= limits.SCAN_S:
                self._rescan(loader, attachments)
                scanned = monotonic()
            if taken == 0:
                self._stopping.wait(limits.POLL_S)
        self._drain(loader, attachments)

    def _drain(self, loader: Loader, attachments: Attachments) -> None:
        while loader.poll():
            pass
        if self._audit is not None:
            self._audit.take(loader, attachments.failed)

    def _attach_events(self, loader: Loader) -> None:
        events = (*PROCESS_EVENTS, *(PLAIN_EVENTS if self._settings.plain else ()))
        for program, category, event in events:
            try:
                loader.attach_event(program, category, event)
            except OSError as error:
                raise TracerError(
                    f"the kernel does not let the tracer see {event}: {str(error).splitlines()[0]}",
                    hint=f"it needs tracepoints of system calls (CONFIG_FTRACE_SYSCALLS); {PRIVILEGES}",
                ) from error

    def _admit(self, loader: Loader, attachments: Attachments, pid: int) -> None:
        if pid not in self._processes and len(self._processes) < limits.PROCESSES_MAX:
            self._processes.add(pid)
            if not self._settings.selection.everybody:
                loader.allow(pid)
        attachments.cover(pid)

    def _meet(self, loader: Loader, attachments: Attachments) -> None:
        """Looks at the libraries of new processes while they start, and lets go of those that have ended."""
        if self._audit is not None:
            self._audit.take(loader, attachments.failed)
        came, went = loader.arrivals()
        now = monotonic()
        for pid in filter(is_process, came):
            self._admit(loader, attachments, pid)
            if self._audit is not None:
                self._audit.changed(pid)
            self._due += ((now + wait, pid) for wait in limits.NEWCOMER_SCANS_S)
        for pid in went:
            if self._audit is not None:
                self._audit.gone(pid, loader)
            self._forget(attachments, pid)
        if self._due:
            due = [pid for at, pid in self._due if at <= now and pid in self._processes]
            self._due = [(at, pid) for at, pid in self._due if at > now]
            for pid in due:
                attachments.cover(pid)

    def _forget(self, attachments: Attachments, pid: int) -> None:
        self._processes.discard(pid)
        attachments.release(pid)

    def _rescan(self, loader: Loader, attachments: Attachments) -> None:
        try:
            chosen = set(self._settings.selection.processes())
        except TokmeterError:
            # A container or group that has ended may come again.
            chosen = set()
        for pid in chosen - self._processes:
            self._admit(loader, attachments, pid)
        # In turns: a look at a process takes about a millisecond, and a host has hundreds.
        if not self._turns:
            self._turns = sorted(self._processes)
        for _ in range(min(limits.SCAN_PROCESSES, len(self._turns))):
            pid = self._turns.pop()
            if is_process(pid):
                attachments.cover(pid)
            else:
                # Its end was not told, or is about to be.
                loader.disallow(pid)
                self._forget(attachments, pid)
        if self._stop is not None:
            self._stop.turn(loader, self._processes)
        if self._audit is not None:
            self._audit.turn(loader)
        attachments.sweep()
        loader.sweep(self._now_ns())
        self._count(loader, attachments)

    def _count(self, loader: Loader, attachments: Attachments) -> None:
        self._counters = {
            **dict(loader.counters()),
            "open": loader.open(),
            "processes": len(self._processes),
            "files": attachments.files,
            "unattached": attachments.failures,
        }
