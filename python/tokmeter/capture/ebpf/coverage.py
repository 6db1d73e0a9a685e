"""Keeps the programs attached to the files of traced processes, on a thread of its own.

The kernel takes a tenth of a second to detach from one instruction, during which nobody else on the machine may attach, and
up to seconds to verify a program. The thread that reads the ring is told of processes and tells of them; it never waits for
that. Owns when files of processes are looked at. Refuses to know who is traced, and why.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from time import monotonic

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.attachments import Attachments
from tokmeter.capture.ebpf.images import code_size
from tokmeter.capture.ebpf.loader import Loader
from tokmeter.capture.ebpf.probes import PROGRAMS
from tokmeter.capture.ebpf.settings import Selection
from tokmeter.errors import TokmeterError


class Coverage:
    """`start` once, on the thread that has loaded the programs: what is mounted for that one is seen by this one, too."""

    def __init__(self, loader: Loader, attachments: Attachments, selection: Selection) -> None:
        """Attach with `loader`, by way of `attachments`, which nobody else uses from now on."""
        self._loader = loader
        self._attachments = attachments
        self._selection = selection
        self._changed = threading.Condition()
        self._came: list[int] = []
        self._went: list[int] = []
        self._chosen: set[int] = set()
        self._gone: list[int] = []
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="tracer-attach", daemon=True)
        self._sizes: dict[int, bytes | None] = {}
        """How much code each process had mapped when all of its files were attached to; None when that failed."""
        self._due: list[tuple[float, int]] = []
        self._turns: list[int] = []
        self._scanned = monotonic()
        self._unprepared = list(reversed(PROGRAMS))
        self.settled = threading.Event()
        """What was there at the start is attached to, or that has failed."""
        self.failure: TokmeterError | None = None
        """Why it does not attach any more."""

    def start(self, processes: Iterable[int]) -> None:
        """Begin with these processes."""
        self._came.extend(processes)
        self._thread.start()

    def ends(self) -> bool:
        """Asks it to end, which it does after the call of the kernel that it is in; whether it has. What is attached stays so."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        return not self._thread.is_alive()

    def stop(self) -> None:
        """The same, and waits for it."""
        if not self.ends():
            self._thread.join()

    def tell(self, came: Iterable[int], went: Iterable[int]) -> None:
        """Processes that are new or run another program now, and such that have ended."""
        with self._changed:
            self._came.extend(came)
            self._went.extend(went)
            self._changed.notify()

    def told(self) -> tuple[set[int], list[int]]:
        """Since the last call: those that were chosen when it was looked last, and those that were not there any more."""
        with self._changed:
            chosen, gone = self._chosen, self._gone
            self._chosen, self._gone = set(), []
        return chosen, gone

    def failed(self, pid: int) -> bool:
        """See `Attachments`."""
        return self._attachments.failed(pid)

    @property
    def files(self) -> int:
        """See `Attachments`."""
        return self._attachments.files

    @property
    def failures(self) -> int:
        """See `Attachments`."""
        return self._attachments.failures

    def _run(self) -> None:
        try:
            while not self._ending:
                self._follow()
                # What takes the kernel long comes last, one at a time, so that a process that comes waits for one at most.
                if self._prepare():
                    continue
                self.settled.set()
                if not self._attachments.detach_next():
                    self._wait()
        except TokmeterError as failure:
            self.failure = failure
        finally:
            self.settled.set()

    def _wait(self) -> None:
        until = min((at for at, _ in self._due), default=self._scanned + limits.SCAN_S)
        with self._changed:
            if not (self._came or self._went or self._ending):
                self._changed.wait(max(0.0, min(until, self._scanned + limits.SCAN_S) - monotonic()))

    def _follow(self) -> None:
        with self._changed:
            came, went = self._came, self._went
            self._came, self._went = [], []
        ended = set(went)
        for pid in went:
            self._forget(pid)
        now = monotonic()
        for pid in dict.fromkeys(came):
            # Of one that has ended already nothing can be found.
            if pid not in ended:
                self._cover(pid)
                self._due += ((now + wait, pid) for wait in limits.NEWCOMER_SCANS_S)
        if self._due:
            due = {pid for at, pid in self._due if at <= now}
            self._due = [(at, pid) for at, pid in self._due if at > now]
            for pid in due & self._sizes.keys():
                self._look_again(pid)
        if now - self._scanned >= limits.SCAN_S:
            self._scanned = now
            self._scan()

    def _scan(self) -> None:
        try:
            chosen = set(self._selection.processes())
        except TokmeterError:
            # A container or group that has ended may come again.
            chosen = set()
        if not self._turns:
            self._turns = sorted(self._sizes)
        for _ in range(min(limits.SCAN_PROCESSES, len(self._turns))):
            pid = self._turns.pop()
            if pid in self._sizes and not self._look_again(pid):
                # Its end was not told, or is about to be.
                self._forget(pid)
                with self._changed:
                    self._gone.append(pid)
        self._attachments.sweep()
        with self._changed:
            self._chosen = chosen

    def _look_again(self, pid: int) -> bool:
        """Whether it is still there. Its files are gone through when it has mapped more code, or was not covered."""
        size = code_size(pid)
        if size is None:
            return False
        if size != self._sizes[pid]:
            self._cover(pid)
        return True

    def _cover(self, pid: int) -> None:
        # First: what it maps from now on is looked at again.
        size = code_size(pid)
        self._sizes[pid] = size if self._attachments.cover(pid) else None

    def _forget(self, pid: int) -> None:
        self._sizes.pop(pid, None)
        self._attachments.release(pid)

    def _prepare(self) -> bool:
        """Has one more program verified; whether there was one."""
        if not self._unprepared:
            return False
        # Where it is needed, attaching to it says why the kernel does not take it.
        with contextlib.suppress(OSError):
            self._loader.prepare(self._unprepared.pop())
        return True
