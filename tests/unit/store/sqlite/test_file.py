"""Opening what is, and what is not, a ledger."""

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from tokmeter.errors import StoreError
from tokmeter.store.sqlite.file import APPLICATION_ID, open_reader, open_writer
from tokmeter.store.sqlite.migrations import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def make(path: Path) -> None:
    open_writer(path).close()


def test_a_new_ledger_is_private_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokmeter" / "ledger.db"

    connection = open_writer(path)

    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    connection.close()


def test_opening_again_changes_nothing(path: Path) -> None:
    make(path)
    before = path.read_bytes()

    make(path)

    assert path.read_bytes() == before


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def newer(path: Path) -> None:
    make(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def cut_off(path: Path) -> None:
    make(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096)


def scribbled(path: Path) -> None:
    make(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


@pytest.mark.parametrize(
    ("spoil", "what", "hint"),
    [
        (foreign, "another program's database", "another path"),
        (newer, f"schema {VERSION + 1}", "newer tokmeter"),
        (cut_off, "damaged", "move it"),
        (scribbled, "damaged", "move it"),
        (lambda path: path.write_text("service: checkout\n" * 50), "not a ledger", "another path"),
        (Path.mkdir, "is a directory", "path"),
    ],
)
def test_a_file_that_is_no_ledger_is_told_and_left_alone(path: Path, spoil: object, what: str, hint: str) -> None:
    assert callable(spoil)
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()

    with pytest.raises(StoreError, match=what) as caught:
        open_writer(path)

    assert caught.value.where == str(path)
    assert hint in (caught.value.hint or "")
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (foreign, "another program's"),
        (newer, "schema"),
        (lambda path: path.write_text("x" * 2000), "not a ledger"),
        (lambda path: None, "there is no ledger here"),
        (lambda path: path.touch(), "schema 0"),
    ],
)
def test_reading_tells_the_same(path: Path, spoil: object, what: str) -> None:
    assert callable(spoil)
    spoil(path)

    with pytest.raises(StoreError, match=what) as caught:
        open_reader(path)

    assert caught.value.where == str(path)


def test_a_reader_cannot_write_and_makes_no_file(path: Path) -> None:
    make(path)
    connection = open_reader(path)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("CREATE TABLE x (y)")

    connection.close()
    with pytest.raises(StoreError):
        open_reader(path.with_name("absent"))
    assert not path.with_name("absent").exists()


def test_a_path_with_odd_characters_is_that_path(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=rw&x#y%41 é.db"
    make(path)

    open_reader(path).close()

    assert path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_directory_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(StoreError, match="permission denied") as caught:
        open_writer(tmp_path / "ledger.db")

    assert "may write" in (caught.value.hint or "")


def test_a_locked_file_is_told_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokmeter.store.sqlite.file.OPEN_ATTEMPTS", 2)
    monkeypatch.setattr("tokmeter.store.sqlite.file.BUSY_MS", 1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreError, match="locked"):
        open_writer(path)

    holder.close()


def test_threads_that_start_together_create_one_ledger(path: Path) -> None:
    together = threading.Barrier(8)
    opened: list[sqlite3.Connection] = []
    failed: list[StoreError] = []

    def start() -> None:
        together.wait()
        try:
            opened.append(open_writer(path))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert {connection.execute("PRAGMA user_version").fetchone() for connection in opened} == {(VERSION,)}
    for connection in opened:
        connection.close()
