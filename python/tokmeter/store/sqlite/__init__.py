"""The ledger in one SQLite file."""

from tokmeter.store.sqlite.reader import SqliteReader
from tokmeter.store.sqlite.writer import SqliteLedger

__all__ = ["SqliteLedger", "SqliteReader"]
