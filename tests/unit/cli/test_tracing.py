"""Which processes the options of `tokmeter watch` mean."""

from pathlib import Path

import pytest

from tokmeter.cli.tracing import TraceOptions, selection
from tokmeter.errors import TokmeterError
from tokmeter.resolve import Resolver, Roots

PID = 4711


def options(*pids: int, everybody: bool = False) -> TraceOptions:
    return TraceOptions(
        pids=pids,
        cgroups=(),
        containers=(),
        pods=(),
        everybody=everybody,
        loader="auto",
        plain=True,
        host_root=None,
        metrics=None,
        config=None,
    )


def process(proc: Path, started: int) -> None:
    """A process of a proc file system made of files, with what tells it from another of the same id."""
    folder = proc / str(PID)
    folder.mkdir(parents=True, exist_ok=True)
    fields = ["S", "1", *["0"] * 17, str(started), *["0"] * 30]
    (folder / "stat").write_text(f"{PID} (app) {' '.join(fields)}\n")
    (folder / "status").write_text("Name:\tapp\nUid:\t0\t0\t0\t0\n")
    for name in ("cgroup", "cmdline", "environ", "uid_map"):
        (folder / name).write_text("")


def test_an_id_that_was_given_to_another_process_is_not_meant(tmp_path: Path) -> None:
    process(tmp_path, started=100)
    chosen = selection(options(PID), Resolver(Roots(proc=tmp_path)))
    assert set(chosen.processes()) == {PID}

    process(tmp_path, started=200)

    assert set(chosen.processes()) == set()


def test_single_processes_are_attached_to_one_by_one(tmp_path: Path) -> None:
    process(tmp_path, started=100)

    assert not selection(options(PID), Resolver(Roots(proc=tmp_path))).shared
    assert selection(options(everybody=True), Resolver(Roots(proc=tmp_path))).shared


def test_a_process_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokmeterError, match="there is no process 4711"):
        selection(options(PID), Resolver(Roots(proc=tmp_path)))
