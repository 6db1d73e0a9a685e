"""The queue, the thread and what they do while the file cannot be written."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.store.sample import entry

from tokmeter.store.ledger import DROP_REASONS, Calibration, Correction
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

PATIENCE_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger.open(path, queued_rows_max=1000)
    yield ledger
    ledger.close(PATIENCE_S)


def ids(path: Path) -> list[str]:
    with SqliteReader.open(path) as reader:
        return [row["id"] for row in reader.entries(0, 2**63 - 1)]


class Holder:
    """Another program that holds the write lock."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


def wait_for_failure(ledger: SqliteLedger) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if ledger.state().errors:
            return
        waited.wait(0.01)
    pytest.fail("the writer did not notice the lock")


def test_what_was_flushed_is_there(ledger: SqliteLedger, path: Path) -> None:
    for number in range(700):
        ledger.append(entry(number))

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == [f"e{number}" for number in range(700)]
    assert (ledger.written, ledger.dropped) == (700, 0)


def test_the_same_exchange_is_one_row(ledger: SqliteLedger, path: Path) -> None:
    ledger.append(entry(1, cost_nano_usd=5))
    ledger.append(entry(1, cost_nano_usd=7))
    ledger.flush(PATIENCE_S)
    ledger.append(entry(1, cost_nano_usd=9))
    ledger.flush(PATIENCE_S)

    with SqliteReader.open(path) as reader:
        assert [row["cost_nano_usd"] for row in reader.entries(0, 2**63 - 1)] == [5]


@pytest.mark.parametrize(
    "changed",
    [
        {"cost_nano_usd": 1 << 63},
        {"time_ns": "yesterday"},
        {"provider": None},
        {"id": "\ud800"},
        {"usage": None},
        {"defects": {1}},
    ],
)
def test_a_row_that_fits_no_schema_is_counted_and_holds_up_nothing(
    ledger: SqliteLedger, path: Path, changed: dict[str, object]
) -> None:
    ledger.append(entry(1))
    ledger.append(entry(2, **changed))
    ledger.append(entry(3))

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == ["e1", "e3"]
    assert ledger.state().dropped == {"unwritable": 1}
    assert ledger.state().last_error is None


def test_among_many_rows_only_the_bad_one_and_the_repetition_are_missing(ledger: SqliteLedger, path: Path) -> None:
    holder = Holder(path)
    for number in range(200):
        ledger.append(entry(number, provider=None) if number == 100 else entry(number))
    ledger.append(entry(7))
    wait_for_failure(ledger)
    holder.let_go()

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == [f"e{number}" for number in range(200) if number != 100]
    assert ledger.state().dropped == {"unwritable": 1}


def test_rows_wait_while_the_file_is_locked_and_are_written_after(ledger: SqliteLedger, path: Path) -> None:
    holder = Holder(path)
    for number in range(3):
        ledger.append(entry(number))
    wait_for_failure(ledger)

    assert not ledger.flush(0.01)
    assert ledger.state().queued == 3
    assert ledger.state().last_error == "database is locked"
    holder.let_go()

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == ["e0", "e1", "e2"]
    assert ledger.state().last_error is None
    assert ledger.dropped == 0


def test_a_full_queue_drops_the_newest_and_says_so(path: Path) -> None:
    ledger = SqliteLedger.open(path, queued_rows_max=2)
    holder = Holder(path)
    for number in range(5):
        ledger.append(entry(number))

    assert ledger.state().dropped == {"queue_full": 3}
    holder.let_go()
    assert ledger.flush(PATIENCE_S)
    assert ids(path) == ["e0", "e1"]
    ledger.close(PATIENCE_S)


def test_closing_writes_what_is_queued(path: Path) -> None:
    ledger = SqliteLedger.open(path)
    for number in range(10):
        ledger.append(entry(number))

    assert ledger.close(PATIENCE_S)
    assert len(ids(path)) == 10


def test_closing_counts_and_tells_what_it_could_not_write(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = SqliteLedger.open(path)
    holder = Holder(path)
    ledger.append(entry(1))

    assert not ledger.close(0.2)
    ledger.append(entry(2))
    holder.let_go()

    assert ledger.state().dropped["closed"] == 2
    assert ledger.state().queued == 0
    assert f"{path} could not be written, 1 entries are lost" in caplog.text


def test_a_ledger_that_was_deleted_is_made_anew(ledger: SqliteLedger, path: Path) -> None:
    ledger.append(entry(1))
    ledger.flush(PATIENCE_S)
    for file in path.parent.glob("ledger.db*"):
        file.unlink()

    ledger.append(entry(2))

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == ["e2"]


def test_a_ledger_whose_directory_is_gone_waits_for_it(ledger: SqliteLedger, path: Path) -> None:
    ledger.append(entry(1))
    ledger.flush(PATIENCE_S)
    moved = path.parent.with_name("moved")
    path.parent.rename(moved)
    path.parent.touch()  # a file where the directory was: nothing can be made there
    ledger.append(entry(2))
    wait_for_failure(ledger)

    path.parent.unlink()
    moved.rename(path.parent)

    assert ledger.flush(PATIENCE_S)
    assert ids(path) == ["e1", "e2"]


def test_a_correction_is_a_row_of_its_own_and_counts_once(ledger: SqliteLedger, path: Path) -> None:
    ledger.append(entry(1, cost_nano_usd=100))
    for _ in range(2):
        ledger.correct(Correction("c1", "e1", "reconciled", cost_nano_usd=-30, usage={"input_tokens": 5}))
    ledger.flush(PATIENCE_S)

    with SqliteReader.open(path) as reader:
        (found,) = reader.entries(0, 2**63 - 1)
    assert found["cost_nano_usd"] == 70
    assert found["usage"]["input_tokens"] == 105
    assert found["usage"]["reasoning_tokens"] is None
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT cost_nano_usd FROM entry").fetchall() == [(100,)]
    assert raw.execute("SELECT corrects, cost_nano_usd FROM correction").fetchall() == [("e1", -30)]
    raw.close()


def test_a_correction_can_price_what_had_no_price(ledger: SqliteLedger, path: Path) -> None:
    ledger.append(entry(1, cost_nano_usd=None, priced=False))
    ledger.append(entry(2, cost_nano_usd=None, priced=False))
    ledger.correct(Correction("c1", "e1", "price found", cost_nano_usd=30))
    ledger.flush(PATIENCE_S)

    with SqliteReader.open(path) as reader:
        assert [row["cost_nano_usd"] for row in reader.entries(0, 2**63 - 1)] == [30, None]


def test_metrics_show_every_reason_from_the_start(ledger: SqliteLedger) -> None:
    series = ledger.series()

    assert series["ledger_dropped"] == [((reason,), 0) for reason in DROP_REASONS]
    assert series["ledger_written"] == [((), 0)]


def learned(path: Path) -> list[Calibration]:
    with SqliteReader.open(path) as reader:
        return reader.calibrations()


def test_the_latest_of_what_was_learned_is_kept_and_is_no_row(ledger: SqliteLedger, path: Path) -> None:
    for count in range(1, 4):
        ledger.learn(Calibration("p", "m", f"112:{count}", ""))
        assert ledger.flush(PATIENCE_S)
    ledger.learn(Calibration("p", "a", "", "90:1"))
    ledger.append(entry(1))

    assert ledger.flush(PATIENCE_S)
    assert learned(path) == [Calibration("p", "a", "", "90:1"), Calibration("p", "m", "112:3", "")]
    assert (ledger.written, ledger.dropped) == (1, 0)


def test_what_was_learned_waits_out_a_failure(ledger: SqliteLedger, path: Path) -> None:
    holder = Holder(path)
    ledger.learn(Calibration("p", "m", "112:1", ""))
    wait_for_failure(ledger)
    ledger.learn(Calibration("p", "m", "112:2", ""))
    holder.let_go()

    assert ledger.close(PATIENCE_S)
    assert learned(path) == [Calibration("p", "m", "112:2", "")]


def test_what_cannot_be_written_is_not_tried_for_ever(ledger: SqliteLedger, path: Path) -> None:
    ledger.learn(Calibration("\ud800", "m", "", ""))

    assert ledger.flush(PATIENCE_S)
    assert learned(path) == []
    ledger.close(PATIENCE_S)
    ledger.learn(Calibration("p", "m", "", ""))
    assert ledger.flush(PATIENCE_S)
