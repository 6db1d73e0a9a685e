"""Every older schema becomes the newest; rows stay."""

import sqlite3
from collections.abc import Iterator

import pytest

from tokmeter.store.sqlite.columns import ENTRY
from tokmeter.store.sqlite.migrations import MIGRATIONS, VERSION, migrate


@pytest.fixture
def memory() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


def test_the_steps_make_the_columns_that_the_program_uses(memory: sqlite3.Connection) -> None:
    migrate(memory)

    made = [(row[1], row[2] + (" NOT NULL" if row[3] else "")) for row in memory.execute("PRAGMA table_info(entry)")]
    assert made == [
        ("sequence", "INTEGER"),
        *((column.name, column.declared.removesuffix(" UNIQUE")) for column in ENTRY),
    ]


@pytest.mark.parametrize("done", range(VERSION + 1))
def test_every_older_ledger_becomes_the_newest(memory: sqlite3.Connection, done: int) -> None:
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    migrate(fresh)
    for step in MIGRATIONS[:done]:
        step(memory)
    memory.execute(f"PRAGMA user_version = {done}")

    migrate(memory)

    assert schema(memory) == schema(fresh)
    assert memory.execute("PRAGMA user_version").fetchone() == (VERSION,)
    fresh.close()


def test_a_step_that_fails_leaves_nothing_behind(memory: sqlite3.Connection) -> None:
    memory.execute("CREATE TABLE correction (in_the_way)")

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(memory)

    assert [name for name, _ in schema(memory)] == ["correction"]
    assert memory.execute("PRAGMA user_version").fetchone() == (0,)


@pytest.mark.parametrize("statement", ["UPDATE entry SET cost_nano_usd = 0", "DELETE FROM entry"])
def test_rows_neither_change_nor_go(memory: sqlite3.Connection, statement: str) -> None:
    migrate(memory)
    needed = [column.name for column in ENTRY if "NOT NULL" in column.declared]
    names, values = ", ".join(needed), ", ".join("1" for _ in needed)
    memory.execute(f"INSERT INTO entry ({names}) VALUES ({values})")

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        memory.execute(statement)


def test_spend_by_day_reads_like_a_report(memory: sqlite3.Connection) -> None:
    migrate(memory)

    names = [row[1] for row in memory.execute("PRAGMA table_info(spend_by_day)")]
    assert names == [
        "day",
        "service",
        "provider",
        "model",
        "calls",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "unpriced",
    ]
