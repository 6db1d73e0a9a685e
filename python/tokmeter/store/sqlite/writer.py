"""Writes the ledger behind the traffic: a bounded queue, one thread, one commit for many rows.

Owns the queue, the thread and what happens while the disk fails. Refuses to know columns and schema.

An entry is *queued*, then *written* (durable: it survives kill -9 and power loss) or *dropped* (counted by reason).
While the store fails, rows stay queued and are tried again with growing pauses; only a full queue loses rows.
"""

import logging
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import batched, chain, islice
from pathlib import Path

from tokmeter._core import LedgerEntry
from tokmeter.store.ledger import DROP_REASONS, Calibration, Correction, LedgerState
from tokmeter.store.limits import (
    BACKOFF_S_MAX,
    BACKOFF_S_MIN,
    BATCH_ROWS_MAX,
    CALIBRATIONS_MAX,
    ERROR_CHARS_MAX,
    GATHER_S,
    QUEUED_ROWS_MAX,
    STATEMENT_ROWS,
)
from tokmeter.store.sqlite.columns import AMOUNTS, CALIBRATION, ENTRY, calibration_row, correction_row, entry_row
from tokmeter.store.sqlite.file import open_writer

_log = logging.getLogger(__name__)

type _Row = LedgerEntry | Correction


def _insert_into(table: str, columns: Sequence[str], rows: int = 1) -> str:
    """Only a known id is passed over; any other broken constraint must be seen."""
    names, values = ", ".join(columns), ", ".join("?" for _ in columns)
    all_values = ", ".join(f"({values})" for _ in range(rows))
    return f"INSERT INTO {table} ({names}) VALUES {all_values} ON CONFLICT (id) DO NOTHING"  # noqa: S608 - own names


_INSERT_ENTRY = _insert_into("entry", [column.name for column in ENTRY])
_INSERT_ENTRIES = _insert_into("entry", [column.name for column in ENTRY], STATEMENT_ROWS)
_INSERT_CORRECTION = _insert_into("correction", ["id", "corrects", "reason", *AMOUNTS])
_LEARN = (
    f"INSERT INTO calibration ({', '.join(CALIBRATION)}) VALUES (?, ?, ?, ?) "  # noqa: S608 - own names
    "ON CONFLICT (provider, model) DO UPDATE SET input = excluded.input, output = excluded.output"
)

_NEVER_WRITABLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite raises because of a row, not because of the file."""
_UNWRITABLE = (*_NEVER_WRITABLE, ArithmeticError, AttributeError, TypeError, ValueError)
"""The same, and what converting a row raises."""


class SqliteLedger:
    """A `Ledger` in one SQLite file. Every method may be called from any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, queued_rows_max: int = QUEUED_ROWS_MAX) -> None:
        """Takes over `connection`, opened by `open_writer(path)`. Use `open`."""
        self._path = path
        self._connection = connection
        self._identity = _identity(path)
        self._queued_rows_max = queued_rows_max
        self._changed = threading.Condition()
        # All below are guarded by _changed.
        self._queue: deque[_Row] = deque()
        # What was learned is no record: the latest of each model is written, with the rows or alone.
        self._learned: dict[tuple[str, str], Calibration] = {}
        self._accepted = 0
        self._written = 0
        self._dropped: Counter[str] = Counter()
        self._settled = 0
        self._errors = 0
        self._last_error: str | None = None
        self._flushing = 0
        self._closing = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="tokmeter-ledger", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, *, queued_rows_max: int = QUEUED_ROWS_MAX) -> "SqliteLedger":
        """Opens or creates the ledger at `path`. Raises `StoreError`."""
        return cls(path, open_writer(path), queued_rows_max=queued_rows_max)

    def append(self, entry: LedgerEntry) -> None:
        """Queues an entry; never blocks, never raises. A full queue drops it and counts that."""
        self._put(entry)

    def correct(self, correction: Correction) -> None:
        """Queues a correction, as `append` does."""
        self._put(correction)

    def learn(self, calibration: Calibration) -> None:
        """Keeps what was learned of a model, in place of what was kept before; never blocks, never raises."""
        key = calibration.provider, calibration.model
        with self._changed:
            if not self._closing and (key in self._learned or len(self._learned) < CALIBRATIONS_MAX):
                self._learned[key] = calibration
                self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything queued before is durable or dropped; False when the time was over first."""
        with self._changed:
            target = self._accepted
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._settled >= target and not self._learned, timeout_s)
            finally:
                self._flushing -= 1

    def close(self, timeout_s: float) -> bool:
        """Flushes and stops; what could not be written is counted as dropped. False when anything was."""
        with self._changed:
            self._closing = True
        in_time = self.flush(timeout_s)
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return in_time

    def state(self) -> LedgerState:
        """Consistent counts."""
        with self._changed:
            return LedgerState(
                written=self._written,
                queued=len(self._queue),
                dropped=dict(self._dropped),
                errors=self._errors,
                last_error=self._last_error,
            )

    def series(self) -> dict[str, list[tuple[tuple[str, ...], int]]]:
        """The counts as series for the metrics, by their source names in the catalog."""
        state = self.state()
        return {
            "ledger_written": [((), state.written)],
            "ledger_dropped": [((reason,), state.dropped.get(reason, 0)) for reason in DROP_REASONS],
            "ledger_errors": [((), state.errors)],
            "ledger_queued": [((), state.queued)],
        }

    @property
    def written(self) -> int:
        """Rows that are durable."""
        return self.state().written

    @property
    def dropped(self) -> int:
        """Rows lost, for whatever reason."""
        return sum(self.state().dropped.values())

    def _put(self, row: _Row) -> None:
        with self._changed:
            if self._closing:
                self._dropped["closed"] += 1
            elif len(self._queue) >= self._queued_rows_max:
                self._dropped["queue_full"] += 1
            else:
                self._queue.append(row)
                self._accepted += 1
                if len(self._queue) in {1, BATCH_ROWS_MAX}:
                    self._changed.notify_all()

    def _run(self) -> None:
        backoff_s = BACKOFF_S_MIN
        while (work := self._work()) is not None:
            batch, learned = work
            try:
                unwritable = self._commit(batch, learned)
            except Exception as error:  # noqa: BLE001 - a thread that ended would lose every later entry
                self._failed(error)
                self._pause(backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_S_MAX)
            else:
                self._went_through(len(batch), learned, unwritable)
                backoff_s = BACKOFF_S_MIN
        self._connection.close()

    def _work(self) -> tuple[list[_Row], list[Calibration]] | None:
        """The rows and what was learned, to be written next and still queued; None when there is nothing left to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._learned or self._abandoned)
            self._changed.wait_for(
                lambda: len(self._queue) >= BATCH_ROWS_MAX or self._flushing or self._abandoned, GATHER_S
            )
            if self._abandoned and self._queue:
                _log.warning("ledger: %s could not be written, %d entries are lost", self._path, len(self._queue))
                self._dropped["closed"] += len(self._queue)
                self._settled += len(self._queue)
                self._queue.clear()
                self._changed.notify_all()
            if self._abandoned:
                return None
            return list(islice(self._queue, BATCH_ROWS_MAX)), list(self._learned.values())

    def _commit(self, batch: list[_Row], learned: list[Calibration]) -> int:
        """Writes `batch` and what was `learned` in one transaction; returns how many rows can never be written."""
        if self._identity is None or _identity(self._path) != self._identity:
            self._reopen()
        unwritable = 0
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for rows in batched(batch, STATEMENT_ROWS):
                if not self._insert_together(rows):
                    unwritable += sum(not self._insert(row) for row in rows)
            for calibration in learned:
                with suppress(*_UNWRITABLE):
                    self._connection.execute(_LEARN, calibration_row(calibration))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return unwritable

    def _insert_together(self, rows: tuple[_Row, ...]) -> bool:
        """Writes a full statement of entries; False when these are no such, or one of them cannot be written."""
        entries = [row for row in rows if not isinstance(row, Correction)]
        if len(entries) < STATEMENT_ROWS:
            return False
        try:
            self._connection.execute(_INSERT_ENTRIES, list(chain.from_iterable(map(entry_row, entries))))
        except _UNWRITABLE:
            return False
        return True

    def _insert(self, row: _Row) -> bool:
        try:
            if isinstance(row, Correction):
                self._connection.execute(_INSERT_CORRECTION, correction_row(row))
            else:
                self._connection.execute(_INSERT_ENTRY, entry_row(row))
        except _UNWRITABLE as error:
            # The type alone: the text of such an error can repeat the value.
            _log.warning("ledger: an entry cannot be written: %s", type(error).__name__)
            return False
        return True

    def _reopen(self) -> None:
        """The file was deleted or replaced: rows written to the old one would be lost without a word."""
        self._identity = None
        self._connection.close()
        self._connection = open_writer(self._path)
        self._identity = _identity(self._path)
        _log.warning("ledger: %s was replaced; writing to the new file", self._path)

    def _went_through(self, rows: int, learned: list[Calibration], unwritable: int) -> None:
        with self._changed:
            for calibration in learned:
                key = calibration.provider, calibration.model
                if self._learned.get(key) is calibration:
                    del self._learned[key]
            for _ in range(rows):
                self._queue.popleft()
            self._written += rows - unwritable
            self._settled += rows
            if unwritable:
                self._dropped["unwritable"] += unwritable
            recovered, self._last_error = self._last_error, None
            self._changed.notify_all()
        if recovered is not None:
            _log.warning("ledger: %s is written again", self._path)

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._errors += 1
            first = self._last_error is None
            self._last_error = str(error)[:ERROR_CHARS_MAX]
        if first:
            _log.warning("ledger: %s cannot be written, entries wait: %s", self._path, self._last_error)

    def _pause(self, seconds: float) -> None:
        """Waits before the next try; less when somebody waits for the result, but never not at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._flushing or self._abandoned, seconds)
            self._changed.wait_for(lambda: self._abandoned, BACKOFF_S_MIN)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
