"""Reading entries beside a writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.store.sample import START_NS, as_fields, entry

from tokmeter.errors import StoreError
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

PATIENCE_S = 30.0
SECOND_NS = 1_000_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close(PATIENCE_S)


@pytest.fixture
def reader(ledger: SqliteLedger, tmp_path: Path) -> Iterator[SqliteReader]:
    with SqliteReader.open(tmp_path / "ledger.db") as reader:
        yield reader


def put(ledger: SqliteLedger, *numbers: int) -> None:
    for number in numbers:
        ledger.append(entry(number))
    assert ledger.flush(PATIENCE_S)


def test_entries_come_back_whole_in_order_of_time(ledger: SqliteLedger, reader: SqliteReader) -> None:
    put(ledger, 3, 1, 2)

    found = list(reader.entries(0, 2**63 - 1))

    assert found == [as_fields(entry(number)) for number in (1, 2, 3)]


def test_the_end_of_a_period_belongs_to_the_next(ledger: SqliteLedger, reader: SqliteReader) -> None:
    put(ledger, 1, 2, 3)

    found = [row["id"] for row in reader.entries(START_NS + SECOND_NS, START_NS + 3 * SECOND_NS)]

    assert found == ["e1", "e2"]


def test_a_reader_follows_a_writer(ledger: SqliteLedger, reader: SqliteReader) -> None:
    put(ledger, 5, 4)
    first = reader.entries_after(0, 10)
    put(ledger, 3)

    assert [row["id"] for _, row in first] == ["e5", "e4"]
    assert [row["id"] for _, row in reader.entries_after(first[-1][0], 10)] == ["e3"]
    assert [row["id"] for _, row in reader.entries_after(0, 1)] == ["e5"]


def test_many_entries_are_read_a_page_at_a_time(ledger: SqliteLedger, reader: SqliteReader) -> None:
    put(ledger, *range(2500))

    assert [row["id"] for row in reader.entries(0, 2**63 - 1)] == [f"e{number}" for number in range(2500)]


def test_damage_found_while_reading_names_the_file(ledger: SqliteLedger, tmp_path: Path) -> None:
    put(ledger, *range(500))
    ledger.close(PATIENCE_S)
    path = tmp_path / "ledger.db"
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xa5" * (path.stat().st_size - 8 * 4096))

    with pytest.raises(StoreError, match="damaged") as caught, SqliteReader.open(path) as reader:
        list(reader.entries(0, 2**63 - 1))

    assert caught.value.where == str(path)
