"""The tracer of this process as a source of the live view. Knows neither how it traces nor who draws."""

from __future__ import annotations

import contextlib
import json
import queue
from collections.abc import Callable, Sequence
from typing import Any

from tokmeter._core import LedgerEntry
from tokmeter.capture.ebpf import audit
from tokmeter.capture.ebpf.reasons import ADVICE
from tokmeter.capture.ebpf.stop import Stopped
from tokmeter.watch.source import QUEUE_MAX, Stops, Unmetered


class TracedSource:
    """A queue between the tracer's thread and the view's."""

    malformed = 0

    def __init__(self) -> None:
        """Empty, and without budgets until `account_with` is called."""
        # Of the queues the one that a signal's handler may put into while the same thread takes out.
        self._events: queue.SimpleQueue[LedgerEntry | None] = queue.SimpleQueue()
        self._budgets: Callable[[], list[dict[str, Any]]] = list
        self._stopped: Callable[[], Stopped] = Stopped
        self._unmetered: Callable[[], Sequence[audit.Unmetered]] = tuple
        self._failure: Callable[[], Exception | None] = lambda: None
        self.ended = False
        """`end` was called, and all that was put before was taken."""
        self.dropped = 0
        """Exchanges that the view was too slow for; metrics have them."""

    def put(self, entry: LedgerEntry) -> None:
        """Takes a finished exchange. Never waits: tracing must go on."""
        if self._events.qsize() < QUEUE_MAX:
            self._events.put(entry)
        else:
            self.dropped += 1

    def end(self) -> None:
        """Wakes who waits for events, for the last time. May be called from a signal's handler."""
        self._events.put(None)

    def account_with(self, budgets: Callable[[], list[dict[str, Any]]]) -> None:
        """From now on the budget accounts come from here."""
        self._budgets = budgets

    def stop_with(self, stopped: Callable[[], Stopped]) -> None:
        """From now on what is stopped comes from here."""
        self._stopped = stopped

    def audit_with(self, unmetered: Callable[[], Sequence[audit.Unmetered]]) -> None:
        """From now on what is not read comes from here."""
        self._unmetered = unmetered

    def fail_with(self, failure: Callable[[], Exception | None]) -> None:
        """From now on `events` raises what this gives, once there is nothing more to tell."""
        self._failure = failure

    def events(self, limit_s: float) -> list[dict[str, Any]]:
        """The exchanges that have ended, waiting up to `limit_s` for the first. Raises why tracing has ended."""
        found: list[LedgerEntry] = []
        with contextlib.suppress(queue.Empty):
            entry = self._events.get(timeout=limit_s) if limit_s > 0 else self._events.get_nowait()
            while entry is not None and len(found) < QUEUE_MAX - 1:
                found.append(entry)
                entry = self._events.get_nowait()
            if entry is None:
                self.ended = True
            else:
                found.append(entry)
        if not found and (failure := self._failure()) is not None:
            raise failure
        return [json.loads(entry.to_json()) for entry in found]

    def budgets(self) -> list[dict[str, Any]]:
        """The budget accounts now."""
        return self._budgets()

    def stopped(self) -> Stops:
        """What the kernel's stop stops now."""
        state = self._stopped()
        return Stops(state.budgets, state.processes)

    def unmetered(self) -> list[Unmetered]:
        """What goes to LLMs and cannot be read."""
        return [
            Unmetered(row.pid, row.process, row.host, row.connections, row.sent, row.received, ADVICE[row.reason])
            for row in self._unmetered()
        ]
