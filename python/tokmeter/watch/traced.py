"""The tracer of this process as a source of the live view. Knows neither how it traces nor who draws."""

from __future__ import annotations

import contextlib
import json
import queue
from collections.abc import Callable
from typing import Any

from tokmeter._core import LedgerEntry
from tokmeter.capture.ebpf.stop import Stopped
from tokmeter.watch.source import QUEUE_MAX, Stops


class TracedSource:
    """A queue between the tracer's thread and the view's."""

    malformed = 0

    def __init__(self) -> None:
        """Empty, and without budgets until `account_with` is called."""
        self._events: queue.Queue[LedgerEntry] = queue.Queue(QUEUE_MAX)
        self._budgets: Callable[[], list[dict[str, Any]]] = list
        self._stopped: Callable[[], Stopped] = Stopped
        self._failure: Callable[[], Exception | None] = lambda: None
        self.dropped = 0
        """Exchanges that the view was too slow for; metrics have them."""

    def put(self, entry: LedgerEntry) -> None:
        """Takes a finished exchange. Never waits: tracing must go on."""
        try:
            self._events.put_nowait(entry)
        except queue.Full:
            self.dropped += 1

    def account_with(self, budgets: Callable[[], list[dict[str, Any]]]) -> None:
        """From now on the budget accounts come from here."""
        self._budgets = budgets

    def stop_with(self, stopped: Callable[[], Stopped]) -> None:
        """From now on what is stopped comes from here."""
        self._stopped = stopped

    def fail_with(self, failure: Callable[[], Exception | None]) -> None:
        """From now on `events` raises what this gives, once there is nothing more to tell."""
        self._failure = failure

    def events(self, limit_s: float) -> list[dict[str, Any]]:
        """The exchanges that have ended, waiting up to `limit_s` for the first. Raises why tracing has ended."""
        found: list[LedgerEntry] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._events.get(timeout=limit_s) if limit_s > 0 else self._events.get_nowait())
            while len(found) < QUEUE_MAX:
                found.append(self._events.get_nowait())
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
