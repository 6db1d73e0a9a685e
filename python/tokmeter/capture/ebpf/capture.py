"""The tracer as a capture source: follows the selected processes and hands over what they exchanged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep

from tokmeter import _core
from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.attachments import Attachments
from tokmeter.capture.ebpf.audit import CoverageAudit
from tokmeter.capture.ebpf.coverage import Coverage
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
    """Runs on a thread of its own, which reads the ring and waits for nobody. `start` once, `stop` once."""

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
        selection = self._settings.selection
        self._attach_events(loader)
        if self._stop is not None:
            self._stop.attach(loader)
        coverage = Coverage(loader, Attachments(loader, Images(), shared=selection.shared), selection)
        chosen = list(selection.processes())
        for pid in chosen:
            self._admit(loader, pid)
        if self._stop is not None:
            self._stop.turn(loader, self._processes)
        coverage.start(chosen)
        try:
            self._read(loader, coverage)
        finally:
            coverage.stop()
        while loader.poll():
            pass
        if self._audit is not None:
            self._audit.take(loader, coverage.failed)

    def _read(self, loader: Loader, coverage: Coverage) -> None:
        counted = monotonic()
        while not (self._stopping.is_set() and coverage.ends()):
            taken = loader.poll()
            now = monotonic()
            due = now - counted >= limits.COUNT_S
            if due:
                self._look_around(loader, coverage)
                loader.sweep(self._now_ns())
                counted = now
            if taken or due:
                finished = loader.finished()
                for entry in finished:
                    self._sink(entry)
                if finished and self._stop is not None:
                    self._stop.turn_if_changed(loader, self._processes)
                self._meet(loader, coverage)
            if coverage.failure is not None:
                raise coverage.failure
            ready = coverage.settled.is_set() and not self._ready.is_set()
            if due or ready:
                self._count(loader, coverage)
            if ready:
                self._ready.set()
            if taken == 0:
                # An event would be woken for at once, and takes twice as much of the processor.
                sleep(limits.POLL_S)

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

    def _admit(self, loader: Loader, pid: int) -> None:
        if pid not in self._processes and len(self._processes) < limits.PROCESSES_MAX:
            self._processes.add(pid)
            if not self._settings.selection.everybody:
                loader.allow(pid)

    def _meet(self, loader: Loader, coverage: Coverage) -> None:
        """Has the libraries of new processes looked at while they start, and lets go of those that have ended."""
        if self._audit is not None:
            self._audit.take(loader, coverage.failed)
        arrived, went = loader.arrivals()
        came = [pid for pid in arrived if is_process(pid)]
        for pid in came:
            self._admit(loader, pid)
            if self._audit is not None:
                self._audit.changed(pid)
        for pid in went:
            if self._audit is not None:
                self._audit.gone(pid, loader)
        self._processes.difference_update(went)
        if came or went:
            coverage.tell(came, went)

    def _look_around(self, loader: Loader, coverage: Coverage) -> None:
        """Goes by what was seen without the kernel having told it."""
        chosen, gone = coverage.told()
        for pid in gone:
            if not is_process(pid):
                loader.disallow(pid)
                self._processes.discard(pid)
        # One that has ended since would leave its place to whoever gets its id.
        new = {pid for pid in chosen - self._processes if is_process(pid)}
        for pid in new:
            self._admit(loader, pid)
        if new:
            coverage.tell(new, ())
        if self._stop is not None:
            self._stop.turn(loader, self._processes)
        if self._audit is not None:
            self._audit.turn(loader)

    def _count(self, loader: Loader, coverage: Coverage) -> None:
        self._counters = {
            **dict(loader.counters()),
            "open": loader.open(),
            "processes": len(self._processes),
            "files": coverage.files,
            "unattached": coverage.failures,
        }
