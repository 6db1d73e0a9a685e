"""The ledger against what a machine does to it: kills, a full disk, several processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from tokmeter.store.sqlite import SqliteLedger, SqliteReader
from tokmeter.store.sqlite.file import open_writer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0

PREAMBLE = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "python")!r}]
from pathlib import Path
from tests.unit.store.sample import entry
from tokmeter.store.sqlite import SqliteLedger
ledger = SqliteLedger.open(Path(sys.argv[1]))
"""


@contextmanager
def child(path: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process with an open ledger; killed at the end, whatever happened."""
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + dedent(program), str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read(path: Path) -> list[str]:
    with SqliteReader.open(path) as reader:
        return [row["id"] for row in reader.entries(0, 2**63 - 1)]


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "ledger.db"
    program = """
    number = 0
    while True:
        for _ in range(50):
            ledger.append(entry(number))
            number += 1
        assert ledger.flush(60)
        print(number, flush=True)
        for _ in range(50):
            ledger.append(entry(number))  # on its way when the kill comes
            number += 1
    """
    with child(path, program) as process:
        assert process.stdout is not None
        promised = [int(process.stdout.readline()) for _ in range(acknowledged)][-1]
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL

    connection = open_writer(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    kept = read(path)
    assert kept[:promised] == [f"e{number}" for number in range(promised)]
    assert kept == [f"e{number}" for number in range(len(kept))], "a commit is whole or absent"


def test_a_full_disk_delays_entries_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = """
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ledger.append(entry(0))
    assert ledger.flush(60)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).with_name("ledger.db-wal").stat().st_size, hard))
    for number in range(1, 500):
        ledger.append(entry(number))
    assert not ledger.flush(0.5)
    state = ledger.state()
    print(state.queued, state.errors > 0, sum(state.dropped.values()), state.last_error, flush=True)
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(ledger.flush(60), ledger.state().last_error, ledger.dropped, flush=True)
    """
    with child(path, program) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        queued, failed, dropped, error = process.stdout.readline().split(maxsplit=3)
        assert (queued, failed, dropped) == ("499", "True", "0")
        assert "disk" in error
        assert read(path) == ["e0"], "readers go on while nothing can be written"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "True None 0\n"

    assert read(path) == [f"e{number}" for number in range(500)]


def test_several_processes_share_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = """
    first = int(sys.argv[2])
    for number in range(first, first + 300):
        ledger.append(entry(number))
        ledger.append(entry(0))
    print(ledger.close(60), ledger.dropped, flush=True)
    """
    with (
        child(path, program, "0") as first,
        child(path, program, "300") as second,
        child(path, program, "600") as third,
    ):
        said = [process.communicate(timeout=PATIENCE_S)[0] for process in (first, second, third)]

    assert said == ["True 0\n"] * 3
    assert read(path) == [f"e{number}" for number in range(900)]


def test_a_report_reads_while_a_proxy_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger.open(path)
    ledger.flush(PATIENCE_S)
    program = """
    for number in range(2000):
        ledger.append(entry(number))
    print(ledger.close(60), flush=True)
    """
    with child(path, program) as process, SqliteReader.open(path) as reader:
        seen = [0]
        while seen[-1] < 2000:
            seen.append(sum(group.calls for group in reader.spend(["service"], 0, 2**63 - 1)))
        assert process.communicate(timeout=PATIENCE_S)[0] == "True\n"

    assert seen == sorted(seen)
    ledger.close(PATIENCE_S)
