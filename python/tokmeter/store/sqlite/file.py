"""Opening the file that a ledger is: recognising it, refusing what is not one, and setting SQLite up.

Owns every message about a file that cannot be used. Refuses to know entries and queries.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tokmeter.errors import StoreError
from tokmeter.store.limits import BUSY_MS, ERROR_CHARS_MAX, PROBE_BYTES_MAX
from tokmeter.store.sqlite.migrations import VERSION, migrate

APPLICATION_ID = 0x746F6B6D
"""SQLite's `application_id` of our files: "tokm"."""

OPEN_ATTEMPTS = 20
"""Tries at opening, `BUSY_MS` apart: several processes that start together create and migrate in turn."""


def open_writer(path: Path) -> sqlite3.Connection:
    """Opens or creates the ledger at `path` and brings its schema up to date; usable from another thread.

    Raises `StoreError` for a file that cannot be written, is not a ledger, is damaged or is from a newer version.
    """
    _create(path)
    for attempt in range(OPEN_ATTEMPTS):
        try:
            return _set_up(path)
        except sqlite3.OperationalError as error:
            if not _busy(error) or attempt == OPEN_ATTEMPTS - 1:
                raise _unusable(path, error) from None
            threading.Event().wait(BUSY_MS / 1000)
        except sqlite3.DatabaseError as error:
            raise _unusable(path, error) from None
    raise StoreError("the ledger is locked", where=str(path), hint="close the program that holds it")


def open_reader(path: Path) -> sqlite3.Connection:
    """Opens the ledger at `path` for reading only, beside any writer. Raises `StoreError`."""
    if not path.exists():
        raise StoreError(
            "there is no ledger here",
            where=str(path),
            hint="it is created by `tokmeter run` and `tokmeter proxy`; give its path otherwise",
        )
    with reading(path):
        connection = _connect_to_read(path)
        try:
            _current(_recognised(connection, path), path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what SQLite says while reading `path` into a `StoreError` that names the file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from None


def _create(path: Path) -> None:
    """Makes an empty private file where there is none; SQLite gives its side files the same permissions."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        reason = (error.strerror or "unusable").lower()
        hint = "give a path in a directory that this user may write"
        raise StoreError(f"the ledger cannot be written: {reason}", where=str(path), hint=hint) from None


def _set_up(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        version = _recognised(connection, path)
        if version and path.stat().st_size <= PROBE_BYTES_MAX:
            _probe(connection, path)
        _write_ahead(connection, path)
        # FULL: a row is reported as written only once it would survive the power going.
        connection.execute("PRAGMA synchronous = FULL")
        if version < VERSION:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _recognised(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a ledger, 0 for an empty file. Raises `StoreError` for anything else."""
    # One transaction: another process may be creating the ledger between two looks.
    connection.execute("BEGIN")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    connection.execute("COMMIT")
    if tables and application != APPLICATION_ID:
        raise StoreError("this is another program's database, not a ledger", where=str(path), hint="give another path")
    if version > VERSION:
        raise StoreError(
            f"the ledger has schema {version}, this version knows {VERSION}",
            where=str(path),
            hint="use the newer tokmeter that wrote it, or another path",
        )
    return version


def _current(version: int, path: Path) -> None:
    """A reader changes nothing, so it cannot bring an older schema up to date."""
    if version < VERSION:
        raise StoreError(
            f"the ledger has schema {version}, this version reads {VERSION}",
            where=str(path),
            hint="let `tokmeter run` or `tokmeter proxy` of this version write to it once",
        )


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Lets readers read while the writer writes; needs memory shared through the file system."""
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(
            "this file system cannot hold a ledger", where=str(path), hint="put it on a local disk, not a share"
        )


def _probe(connection: sqlite3.Connection, path: Path) -> None:
    with closing(connection.execute("PRAGMA quick_check(1)")) as check:
        if check.fetchone()[0] != "ok":
            raise _damaged(path)


def _connect_to_read(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = _connect_uri(address)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError) or path.with_name(path.name + "-wal").exists():
            raise
        # Nobody is writing, and this user may not create the side files that SQLite would share with a writer.
        return _connect_uri(f"{address}&immutable=1")
    return connection


def _connect_uri(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)


def _busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _unusable(path: Path, error: sqlite3.Error) -> StoreError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError("the ledger is locked", where=str(path), hint="close the program that holds it")
        case sqlite3.SQLITE_CORRUPT:
            return _damaged(path)
        case sqlite3.SQLITE_NOTADB:
            return StoreError("this file is not a ledger", where=str(path), hint="give another path")
        # A disk without space for SQLite's side files shows itself as the second.
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return StoreError("the ledger's disk is full or failing", where=str(path), hint="free some space")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            hint = "check the permissions of the file and its directory"
            return StoreError("the ledger cannot be opened", where=str(path), hint=hint)
    return StoreError(f"the ledger cannot be used: {str(error)[:ERROR_CHARS_MAX]}", where=str(path))


def _damaged(path: Path) -> StoreError:
    hint = "move it and its -wal and -shm files away; `sqlite3 FILE .recover` can save what is readable"
    return StoreError("the ledger is damaged", where=str(path), hint=hint)
