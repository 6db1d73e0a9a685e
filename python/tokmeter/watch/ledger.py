"""A ledger as a source of the live view: what was written since the last look."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tokmeter.store.ledger import LedgerReader
from tokmeter.text import exact_usd
from tokmeter.watch.source import QUEUE_MAX, Stops, Unmetered

NANO = 10**9
POLL_S = 0.25
CARRIED = (
    "capture",
    "service",
    "pid",
    "process",
    "container",
    "pod",
    "namespace",
    "user",
    "decision",
    "budget",
    "llm",
    "provider",
    "operation",
    "request_model",
    "response_model",
    "stream",
    "status",
    "usage",
    "provenance",
    "defects",
)
"""Keys of an event that are fields of an entry, with the same values."""


class LedgerSource:
    """Polls a ledger from its beginning."""

    malformed = 0
    ended = False

    def __init__(self, reader: LedgerReader) -> None:
        """Read with `reader`, which stays the caller's."""
        self._reader = reader
        self._position = 0

    def events(self, limit_s: float) -> list[dict[str, Any]]:
        """Entries recorded since the last call, as events."""
        found = self._read()
        waited = 0.0
        while not found and waited < limit_s:
            pause = min(POLL_S, limit_s - waited)
            threading.Event().wait(pause)
            waited += pause
            found = self._read()
        return found

    def stopped(self) -> Stops:
        """Nothing: it is not stopped from here."""
        return Stops()

    def unmetered(self) -> list[Unmetered]:
        """Nothing: what is not read is not told here."""
        return []

    def budgets(self) -> list[dict[str, Any]]:
        """A ledger records what was spent, not what is allowed."""
        return []

    def _read(self) -> list[dict[str, Any]]:
        rows = self._reader.entries_after(self._position, QUEUE_MAX)
        if rows:
            self._position = rows[-1][0]
        return [event(entry) for _, entry in rows]


def event(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger entry, by field name, as the object of the event stream."""
    first_chunk = entry["first_chunk_ns"]
    return {
        "id": entry["id"],
        "time": _rfc3339(entry["time_ns"]),
        "duration_s": entry["duration_ns"] / NANO,
        "first_chunk_s": None if first_chunk is None else first_chunk / NANO,
        **{key: entry[key] for key in CARRIED},
        "cost_usd": exact_usd(entry["cost_nano_usd"]),
        "priced": entry["priced"],
    }


def _rfc3339(ns: int) -> str:
    second, fraction = divmod(ns, NANO)
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"
