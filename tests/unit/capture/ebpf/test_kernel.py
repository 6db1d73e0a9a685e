"""What of a kernel the tracer needs, and what it says where that is missing."""

import os
import platform
import resource
import sys
from pathlib import Path

import pytest

from tokmeter.capture.ebpf import kernel, limits
from tokmeter.capture.ebpf.faults import TracerError

OLD = """
\tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:0;
\tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;
\tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:0;
\tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;
"""
NEW = """
\tfield:__data_loc char[] child_comm;\toffset:16;\tsize:4;\tsigned:0;
\tfield:pid_t child_pid;\toffset:20;\tsize:4;\tsigned:1;
"""


@pytest.mark.parametrize(("text", "offset"), [(OLD, 44), (NEW, 20)])
def test_the_child_is_where_the_kernel_says(tmp_path: Path, text: str, offset: int) -> None:
    folder = tmp_path / "sched/sched_process_fork"
    folder.mkdir(parents=True)
    (folder / "format").write_text(text)

    assert kernel.child_offset(tmp_path) == offset


def test_a_kernel_that_does_not_say_is_an_error_with_a_place(tmp_path: Path) -> None:
    with pytest.raises(TracerError) as caught:
        kernel.child_offset(tmp_path)

    assert "sched_process_fork" in (caught.value.where or "")
    assert caught.value.exit_code == 3


def test_the_machines_own_process_namespace_has_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "pid"
    monkeypatch.setattr(kernel, "OWN_NAMESPACE", here)
    assert kernel.process_namespace() == 0

    here.touch()
    assert kernel.process_namespace() == here.stat().st_ino

    monkeypatch.setattr(kernel, "MACHINES_NAMESPACE", here.stat().st_ino)
    assert kernel.process_namespace() == 0


@pytest.mark.parametrize(
    ("system", "machine", "user", "words"),
    [
        ("darwin", "arm64", 0, "Linux"),
        ("linux", "riscv64", 0, "riscv64"),
        ("linux", "x86_64", 1000, "root"),
    ],
)
def test_each_thing_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, user: int, words: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    with pytest.raises(TracerError) as caught:
        kernel.check_platform()

    assert words in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    ("limits_now", "raised_to"),
    [
        ((1024, 4096), [(4096, 4096)]),
        ((1024, resource.RLIM_INFINITY), [(limits.DESCRIPTORS_WANTED, resource.RLIM_INFINITY)]),
        ((limits.DESCRIPTORS_WANTED, 1 << 20), []),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), []),
    ],
)
def test_as_many_descriptors_as_are_allowed_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, limits_now: tuple[int, int], raised_to: list[tuple[int, int]]
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits_now)
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: asked.append(pair))

    kernel.raise_descriptors()

    assert asked == raised_to
