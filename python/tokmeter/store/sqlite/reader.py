"""Reads a ledger for reports, budgets and the live view, beside any writer.

Owns the queries for entries. Refuses to write, and to know how spend is grouped (`spend`).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tokmeter.store.ledger import Calibration, Spend
from tokmeter.store.limits import CALIBRATIONS_MAX, READ_ROWS
from tokmeter.store.sqlite.columns import CALIBRATION, ENTRY, entry_fields
from tokmeter.store.sqlite.file import open_reader, reading
from tokmeter.store.sqlite.spend import spend

_COLUMNS = ", ".join(column.name for column in ENTRY)
# Only the names of this program's own columns become part of a statement.
_BETWEEN = f"SELECT {_COLUMNS} FROM net_entry WHERE time_ns >= ? AND time_ns < ? ORDER BY time_ns, sequence"  # noqa: S608
_AFTER = f"SELECT sequence, {_COLUMNS} FROM net_entry WHERE sequence > ? ORDER BY sequence LIMIT ?"  # noqa: S608

_LEARNED = f"SELECT {', '.join(CALIBRATION)} FROM calibration ORDER BY provider, model LIMIT ?"  # noqa: S608


class SqliteReader:
    """A `LedgerReader` of one SQLite file. One thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Takes over `connection`, opened by `open_reader(path)`. Use `open`."""
        self._path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens the ledger at `path` for reading. Raises `StoreError`."""
        return cls(path, open_reader(path))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
        self.close()

    def entries(self, since_ns: int, until_ns: int) -> Iterator[dict[str, Any]]:
        """Entries admitted in [since, until), oldest first, corrections applied: fields of `LedgerEntry` by name.

        Raises `StoreError` when the file turns out to be damaged.
        """
        with reading(self._path):
            cursor = self._connection.execute(_BETWEEN, (since_ns, until_ns))
            while rows := cursor.fetchmany(READ_ROWS):
                yield from map(entry_fields, rows)

    def entries_after(self, sequence: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `limit` entries recorded after position `sequence`, each with its own position; 0 is the beginning."""
        with reading(self._path):
            rows = self._connection.execute(_AFTER, (sequence, limit)).fetchall()
        return [(row[0], entry_fields(row[1:])) for row in rows]

    def spend(self, by: Sequence[str], since_ns: int, until_ns: int) -> list[Spend]:
        """Groups by `DIMENSIONS`, dearest first. Raises `ValueError` for another dimension, `StoreError`."""
        with reading(self._path):
            return spend(self._connection, by, since_ns, until_ns)

    def calibrations(self) -> list[Calibration]:
        """What was learned of each model. Raises `StoreError`."""
        with reading(self._path):
            rows = self._connection.execute(_LEARNED, (CALIBRATIONS_MAX,)).fetchall()
        return [Calibration(*row) for row in rows]

    def close(self) -> None:
        """Gives the file back."""
        self._connection.close()
