"""The tracer in this process, on other processes that were started for it only, and what its own threads take."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ebpf_payloads import INPUT_TOKENS, OUTPUT_TOKENS

from tokmeter import _core
from tokmeter.capture.ebpf import Selection, TracerCapture, TracerSettings, limits
from tokmeter.clock import now_ns

LOADERS = ("core", "bcc")
WAIT_S = 1.0


@dataclass
class Traced:
    """A running tracer."""

    capture: TracerCapture
    thread: threading.Thread
    """The one that reads; another one attaches."""
    attaching: threading.Thread
    entries: list[_core.LedgerEntry] = field(default_factory=list)

    def cpu_ns(self) -> int:
        """CPU that its threads have used."""
        clocks = (time.pthread_getcpuclockid(each.ident or 0) for each in (self.thread, self.attaching))
        return sum(map(time.clock_gettime_ns, clocks))

    def wakeups(self) -> int:
        """How often the thread that reads has gone to sleep, and been woken."""
        status = Path(f"/proc/self/task/{self.thread.native_id}/status").read_text()
        return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    def wait_for(self, count: int) -> bool:
        """Wait until it has told `count` exchanges, at most a second."""
        before = time.monotonic() + WAIT_S
        while len(self.entries) < count and time.monotonic() < before:
            time.sleep(limits.POLL_S / 2)
        return len(self.entries) >= count

    def lost(self) -> int:
        """Records that have been lost so far: waits until the tracer has counted again."""
        known, before = self.capture.counters, time.monotonic() + 10 * limits.SCAN_S
        while self.capture.counters is known:
            if time.monotonic() > before:
                raise AssertionError("the tracer counts no more")
            time.sleep(limits.POLL_S)
        return self.capture.counters["lost"]


def meter() -> _core.Meter:
    """As `tokmeter watch` makes one without a configuration."""
    return _core.Meter(price_book=_core.PriceBook.embedded(), capture="tracer", seed=bytes(16))


@contextmanager
def tracing(loader: str, *pids: int) -> Iterator[Traced]:
    """Trace processes while the context lasts. System calls are left alone: their events are the whole machine's."""
    entries: list[_core.LedgerEntry] = []
    settings = TracerSettings(selection=Selection(processes=lambda: pids), loader=loader, plain=False)
    capture = TracerCapture(meter(), lambda number: _core.Attribution(pid=number), settings, entries.append, now_ns)
    capture.start()
    try:
        threads = {each.name: each for each in threading.enumerate()}
        yield Traced(capture, threads["tracer"], threads["tracer-attach"], entries)
    finally:
        capture.stop()


def check(entries: list[_core.LedgerEntry], count: int) -> None:
    """Raise `AssertionError` unless these are `count` exchanges with the usage that was sent."""
    sent = (INPUT_TOKENS, OUTPUT_TOKENS)
    told = {(each.usage["input_tokens"], each.usage["output_tokens"], each.provenance) for each in entries}
    if len(entries) != count or {each[:2] for each in told} != ({sent} if count else set()):
        raise AssertionError(f"{count} exchanges with {sent} were sent, {len(entries)} with {told} were told")
